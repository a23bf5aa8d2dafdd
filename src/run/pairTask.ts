/** The task of pairs: a SigLIP, tested by retrieval, by calibration, and by the few-shot probe of its image tower. */
import { groupsOfTokens, type PairBatch, pairObjective } from "../siglip/index.ts";
import type { Tests } from "./dataSet.ts";
import { openProbe, openTests, repeatsTexts } from "./dataSets.ts";
import {
  type EmbeddedSet,
  type Embedder,
  type Evaluation,
  embedSet,
  evaluateAll,
  evaluateSet,
  evaluationTable,
} from "./evaluation.ts";
import { buildModel, lossOf } from "./model.ts";
import { snapshotOf } from "./modelSnapshot.ts";
import { probe } from "./probe.ts";
import { sampleRecall } from "./sampleRecall.ts";
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
    tested() {
      const set = embedSet(embedder, tests.sets[0]);
      const evaluation = evaluateSet(set, alive);
      return {
        figures: figuresOf(evaluation, embedder, tests, set),
        snapshot: () => snapshotOf({ config, model, set, evaluations: [evaluation] }),
      };
    },
    async results(tested) {
      const { sets, evaluations } = evaluateAll(embedder, tests, config.train);
      tested(figuresOf(evaluations[0], embedder, tests, sets[0]));
      const data = await openProbe(config, opening);
      const probed = data && probe(model, data, comm);
      if (comm.rank > 0) return undefined;
      const snapshot = snapshotOf({ config, model, set: sets[0], evaluations, ...(probed && { probe: probed }) });
      return { table: evaluationTable(evaluations), snapshot };
    },
  };
}

/** Recall, also on samples of the training and the test pictures. Every device takes part. */
function figuresOf({ recall }: Evaluation, embedder: Embedder, { trained }: Tests, set: EmbeddedSet): Figures {
  const fields = recall.flatMap(({ k, textToImage, imageToText }) => [
    [`textToImage.r${k}`, textToImage],
    [`imageToText.r${k}`, imageToText],
  ]);
  const sample = trained && sampleRecall(embedder, trained, set);
  const ofSamples = sample ? { "sample.train.r1": sample.train, "sample.test.r1": sample.test } : {};
  return { ...Object.fromEntries(fields), ...ofSamples };
}
