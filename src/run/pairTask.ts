/** The task of pairs: a SigLIP, tested by retrieval, by calibration, and by the few-shot probe of its image tower. */
import { groupsOfTokens, type PairBatch, pairObjective } from "../siglip/index.ts";
import { openProbe, openTests, repeatsTexts } from "./dataSets.ts";
import { type Embedder, type Evaluation, embedSet, evaluateAll, evaluateSet, evaluationTable } from "./evaluation.ts";
import { buildModel, lossOf } from "./model.ts";
import { probe } from "./probe.ts";
import { reportOf } from "./runReport.ts";
import type { Figures, Task, TaskOptions } from "./task.ts";

/** Opens the task. */
export async function pairTask({ config, tokenizer, comm, alive, opening }: TaskOptions): Promise<Task<PairBatch>> {
  const model = buildModel(config, tokenizer.vocabSize);
  const embedder: Embedder = { model, tokenizer, length: config.tokenizer.length, comm, alive };
  const tests = await openTests(config, opening);
  const findsGroups = repeatsTexts(config) && config.loss.sameName !== "negative";
  const loss = lossOf(config);
  return {
    model,
    objective: pairObjective(model, loss),
    loss,
    batchOf(rows, rng, sawGroups) {
      if (!findsGroups) return { ...rows, rng };
      const groups = groupsOfTokens(rows.tokens, rows.items.length, comm);
      sawGroups(groups);
      return { ...rows, rng, groups };
    },
    tested: () => figuresOf(evaluateSet(embedSet(embedder, tests.sets[0]), alive)),
    async results(tested) {
      const { sets, evaluations } = evaluateAll(embedder, tests, config.train);
      tested(figuresOf(evaluations[0]));
      const probed = probe(model, await openProbe(config, opening), comm);
      if (probed === undefined) return undefined;
      const results = { model, set: sets[0], evaluations, probe: probed };
      return { table: evaluationTable(evaluations), report: (page) => reportOf({ ...page, ...results, config }) };
    },
  };
}

const figuresOf = ({ recall }: Evaluation): Figures =>
  Object.fromEntries(
    recall.flatMap(({ k, textToImage, imageToText }) => [
      [`textToImage.r${k}`, textToImage],
      [`imageToText.r${k}`, imageToText],
    ]),
  );
