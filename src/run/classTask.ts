/** The task of classes: a classifier, tested by its accuracy on images in styles that training never saw, and by the few-shot probe. */
import { type ClassBatch, classification } from "../siglip/index.ts";
import { accuracyTable, blindClassLoss, testClassifier } from "./classAccuracy.ts";
import type { Classes } from "./dataSet.ts";
import { openProbe } from "./dataSets.ts";
import { buildClassifier } from "./model.ts";
import { probe } from "./probe.ts";
import type { Task, TaskOptions } from "./task.ts";

const SUMMARY =
  "The loss asks of every picture and every class whether the picture belongs to the class, and adds up the errors of the yes-or-no answers.";

/** Opens the task. The labels of a batch are the classes of its items. */
export async function classTask(
  { config, comm, opening }: TaskOptions,
  { names, ofItem }: Classes,
): Promise<Task<ClassBatch>> {
  const model = buildClassifier(config, names.length);
  const data = await openProbe(config, opening);
  const blindLoss = blindClassLoss({ names, ofItem });
  return {
    model,
    objective: classification(model),
    loss: { usesBias: false, blindLoss: () => blindLoss },
    batchOf: ({ images, imageShape, items }, rng) => ({
      ...{ images, imageShape, rng },
      labels: items.map((item) => ofItem[item]),
    }),
    tested: () => ({ testAccuracy: testClassifier(model, { ...data, others: [] }, comm)[0].accuracy }),
    async results(tested) {
      const accuracies = testClassifier(model, data, comm);
      tested({ testAccuracy: accuracies[0].accuracy });
      const probed = probe(model, data, comm);
      if (probed === undefined) return undefined;
      return {
        table: accuracyTable(accuracies),
        report: ({ history: _, ...page }) => ({
          ...page,
          lead: "One tower for pictures with a linear classifier on it, trained to tell the classes of pictures apart.",
          lossSummary: SUMMARY,
          blindLoss,
          evaluations: [],
          results: [],
          accuracies,
          probe: probed,
          sample: { names: [], pictures: [], scores: [] },
          sheet: [],
        }),
      };
    },
  };
}
