/** The few-shot probe of a run's image tower, beside the same probe of the pixels. */
import { type FewShotAccuracy, fewShotProbe, type LabelledFeatures } from "../eval/index.ts";
import { heap, Rng } from "../tensor/index.ts";
import type { LabelledPictures, ProbeData } from "./dataSet.ts";
import { imageFeatures } from "./embed.ts";
import type { Embedder } from "./evaluation.ts";

const SHOTS = [1, 5, 10, 25]; // as in big_vision, like the number of seeds
const SEEDS = [0, 1, 2];

/** Accuracy of the few-shot probe. */
export interface ProbeResult {
  readonly title: string;
  readonly classes: readonly string[];
  /** Images tested. */
  readonly images: number;
  readonly model: readonly FewShotAccuracy[];
  /** Baseline: the same probe on pixels. */
  readonly pixels: readonly FewShotAccuracy[];
}

/** Probes the image tower; the devices share its work, and rank 0 returns the result. */
export function probe({ model, comm }: Embedder, data: ProbeData): ProbeResult | undefined {
  const features = ({ pictures }: LabelledPictures): Float32Array => imageFeatures(model, pictures, comm);
  const [trained, tested] = [data.train.map(features), features(data.test)];
  if (comm !== undefined && comm.rank > 0) return undefined;
  const classes = data.classes.length;
  const labels = data.train.flatMap((part) => [...part.labels]);
  const orders = SEEDS.map((seed) => new Rng(seed).split("probe").permutation(labels.length));
  const accuracy = (train: readonly Float32Array[], x: Float32Array): FewShotAccuracy[] => {
    const test: LabelledFeatures = { x, labels: data.test.labels };
    const all = { x: joined(train), labels };
    return SHOTS.flatMap((count) => {
      heap.onWork?.(); // a heartbeat: a probe of large images takes seconds
      return fewShotProbe({ train: all, test, classes, orders, shots: [count] });
    });
  };
  const pixels = ({ pictures }: LabelledPictures): Float32Array => pictures.pixels();
  return {
    title: data.title,
    classes: data.classes,
    images: data.test.labels.length,
    model: accuracy(trained, tested),
    pixels: accuracy(data.train.map(pixels), pixels(data.test)),
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A row per number of shots, as `siglip eval --probe --json` prints it: fractions from 0 to 1. */
export const probeJson = ({ classes, model, pixels }: ProbeResult): object[] =>
  model.map(({ shots, accuracy }, i) => ({
    shots,
    accuracy,
    pixels: pixels[i].accuracy,
    chance: 1 / classes.length,
  }));

/** The table that `siglip eval --probe` prints. */
export function probeTable({ title, classes, images, model, pixels }: ProbeResult): string {
  const row = (name: string, values: readonly string[]): string =>
    `  ${name.padEnd(26)}${values.map((value) => value.padStart(10)).join("")}`;
  const percents = (name: string, values: readonly number[]): string =>
    row(name, values.map((value) => `${(100 * value).toFixed(1)} %`)); // biome-ignore format: a line
  return [
    `few-shot probe, ${title}: ${classes.length} classes, ${images} pictures`,
    row(
      "pictures per class",
      model.map(({ shots }) => String(shots)),
    ),
    percents(
      `accuracy, mean of ${SEEDS.length} seeds`,
      model.map(({ accuracy }) => accuracy.mean),
    ),
    percents(
      "accuracy by pixels",
      pixels.map(({ accuracy }) => accuracy.mean),
    ),
    percents(
      "chance",
      model.map(() => 1 / classes.length),
    ),
  ].join("\n");
}
