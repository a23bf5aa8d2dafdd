/** Seeded bugs in how a run is saved and resumed. */
import type { Bug } from "./bug.ts";

export const runBugs: readonly Bug[] = [
  {
    name: "gradientsInPlace",
    what: "siglip loss writes its gradients over what is there: over its inputs, or half of them on a full disk",
    places: [
      [
        {
          file: "cli/lossFiles.ts",
          find: "writeDurably(fs, file, writeSafetensors(tensors, ABOUT));",
          replace: 'fs.write(fs.open(file, "replace"), writeSafetensors(tensors, ABOUT));',
        },
      ],
      [{ file: "cli/lossFiles.ts", find: "source.ino === there.ino", replace: "source.ino !== there.ino" }],
    ],
    tests: ["test/cli/lossFiles.test.ts"],
  },
  {
    name: "temperatureGone",
    what: "a training goes on with t = 0 or ∞, and saves it",
    places: [
      [{ file: "siglip/train.ts", find: 'temperatureOf(model, "after");', replace: "" }],
      [{ file: "siglip/train.ts", find: "held > 0 &&", replace: "" }],
    ],
    tests: ["test/siglip/train.test.ts"],
  },
  {
    name: "silentRefusal",
    what: "results that cannot be written to standard output are no error",
    places: [[{ file: "cli/print.ts", find: "process.exitCode = EXIT.io;", replace: "" }]],
    tests: ["test/cli/refusals.test.ts"],
  },
];
