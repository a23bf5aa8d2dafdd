/** Seeded bugs in evaluation: results that look right and mean something else. */
import type { Bug } from "./bug.ts";

export const evalBugs: readonly Bug[] = [
  {
    name: "whitenedByTest",
    what: "test rows are whitened by their own mean and deviation, so that a prediction depends on the other test rows",
    places: [
      [
        {
          file: "eval/fewShot.ts",
          find: "export function probePredictions({ mean, deviation, weights }: Probe, x: Embeddings): Int32Array {",
          replace:
            "export function probePredictions(probe: Probe, x: Embeddings): Int32Array {\n  const { weights } = probe;\n  const { mean, deviation } = moments(x, x.length / probe.mean.length, probe.mean.length);",
        },
      ],
    ],
    tests: ["test/eval/fewShot.test.ts"],
  },
  {
    name: "binsOfEqualWeight",
    what: "every bin of the calibration error counts the same, however few pairs it holds",
    places: [
      [
        {
          file: "eval/calibration.ts",
          find: "sums.reduce((sum, { predicted, matching }) => sum + Math.abs(predicted - matching), 0)",
          replace:
            "sums.reduce((sum, { predicted, matching, weight }) => sum + Math.abs(predicted - matching) / (weight || 1), 0)",
        },
      ],
    ],
    tests: ["test/eval/calibration.test.ts"],
  },
  {
    name: "allPairsAlike",
    what: "calibration is measured at the share of matches of the test set, not at that of the training",
    places: [
      [
        {
          file: "eval/calibration.ts",
          find: "(candidates - 1) / (images - 1)",
          replace: "1",
        },
      ],
    ],
    tests: ["test/eval/calibration.test.ts"],
  },
];
