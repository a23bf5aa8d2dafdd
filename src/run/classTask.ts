/** The task of classes: a classifier, tested by its accuracy on images in styles that training never saw, and by the few-shot probe. */
import { type ClassBatch, classification } from "../siglip/index.ts";
import { accuracyTable, blindClassLoss, testClassifier } from "./classAccuracy.ts";
import type { Classes } from "./dataSet.ts";
import { openLabelled } from "./dataSets.ts";
import { buildClassifier } from "./model.ts";
import { probe } from "./probe.ts";
import type { Task, TaskOptions, TaskSnapshot } from "./task.ts";

/** What the report shows of pairs. */
const NO_PAIRS: TaskSnapshot = { results: [], sample: { names: [], pictures: [], scores: [] }, sheet: [] };

/** Opens the task. The labels of a batch are the classes of its items. */
export async function classTask(
  { config, comm, opening }: TaskOptions,
  { names, ofItem }: Classes,
): Promise<Task<ClassBatch>> {
  const model = buildClassifier(config, names.length);
  const data = await openLabelled(config, opening);
  const blindLoss = blindClassLoss({ names, ofItem });
  return {
    model,
    objective: classification(model),
    loss: { usesBias: false, blindLoss: () => blindLoss },
    batchOf: ({ images, imageShape, items }, rng) => ({
      ...{ images, imageShape, rng },
      labels: items.map((item) => ofItem[item]),
    }),
    tested() {
      const accuracies = testClassifier(model, { ...data, others: [] }, comm);
      return { figures: { testAccuracy: accuracies[0].accuracy }, snapshot: () => ({ ...NO_PAIRS, accuracies }) };
    },
    async results(tested) {
      const accuracies = testClassifier(model, data, comm);
      tested({ testAccuracy: accuracies[0].accuracy });
      const probed = probe(model, data, comm);
      if (probed === undefined) return undefined;
      return { table: accuracyTable(accuracies), snapshot: { ...NO_PAIRS, accuracies, probe: probed } };
    },
  };
}
