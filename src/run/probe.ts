/** The few-shot probe of a run's image tower, and the same probe of the pixels as its baseline. */
import { type FewShotAccuracy, fewShotProbe, type LabelledFeatures } from "../eval/index.ts";
import { alone } from "../parallel/index.ts";
import { heap, Rng } from "../tensor/index.ts";
import type { LabelledPictures, ProbeData } from "./dataSet.ts";
import { imageFeatures } from "./embed.ts";
import { joined } from "./joined.ts";
import type { TrainedModel } from "./model.ts";

const SHOTS = [1, 5, 10, 25]; // as in big_vision, like the number of seeds
const SEEDS = [0, 1, 2];

/** Accuracy of the few-shot probe. */
export interface ProbeResult {
  readonly title: string;
  readonly classes: readonly string[];
  /** Images tested. */
  readonly images: number;
  readonly model: readonly FewShotAccuracy[];
}

/** With its baseline. */
export interface ComparedProbe extends ProbeResult {
  readonly pixels: readonly FewShotAccuracy[];
}

/** Probes the image tower; the devices share its work, and rank 0 returns the result. */
export function probe(model: TrainedModel, data: ProbeData, comm = alone): ProbeResult | undefined {
  const features = ({ pictures }: LabelledPictures): Float32Array => imageFeatures(model, pictures, comm);
  const [trained, tested] = [data.train.map(features), features(data.test)];
  if (comm.rank > 0) return undefined;
  const { title, classes, test } = data;
  return { title, classes, images: test.labels.length, model: accuracyOf(data, trained, tested) };
}

/** The same probe of the pixels. It needs the memory of all images at once, and several times the time. */
export function pixelProbe(data: ProbeData): FewShotAccuracy[] {
  const pixels = ({ pictures }: LabelledPictures): Float32Array => pictures.pixels();
  return accuracyOf(data, data.train.map(pixels), pixels(data.test));
}

/** Accuracy with features of the training images, and of those to test. */
function accuracyOf(data: ProbeData, trained: readonly Float32Array[], tested: Float32Array): FewShotAccuracy[] {
  const labels = data.train.flatMap((part) => [...part.labels]);
  const orders = SEEDS.map((seed) => new Rng(seed).split("probe").permutation(labels.length));
  const train: LabelledFeatures = { x: joined(trained), labels };
  const test: LabelledFeatures = { x: tested, labels: data.test.labels };
  return SHOTS.map((count) => {
    const seeds = orders.map((order) => {
      heap.onWork?.(); // a heartbeat: a probe of large images, or of many classes, takes seconds
      const shared = { train, test, classes: data.classes.length };
      return fewShotProbe({ ...shared, orders: [order], shots: [count] })[0].accuracy.mean;
    });
    return { shots: count, accuracy: { mean: seeds.reduce((a, b) => a + b, 0) / seeds.length, seeds } };
  });
}

/** A row per number of shots, as `siglip eval --probe --json` prints it: fractions from 0 to 1. */
export const probeJson = ({ classes, model, pixels }: ComparedProbe): object[] =>
  model.map(({ shots, accuracy }, i) => ({
    shots,
    accuracy,
    pixels: pixels[i].accuracy,
    chance: 1 / classes.length,
  }));

/** The table that `siglip eval --probe` prints. */
export function probeTable({ title, classes, images, model, pixels }: ComparedProbe): string {
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
