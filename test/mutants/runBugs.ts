/** Seeded bugs in how a run is saved and resumed. */
import type { Bug } from "./bug.ts";

export const runBugs: readonly Bug[] = [
  {
    name: "gradientsInPlace",
    what: "siglip loss writes its gradients over what is there: over its inputs, or half of them on a full disk",
    places: [
      [
        {
          file: "run/loss/files.ts",
          find: "writeDurably(fs, file, writeSafetensors(tensors, ABOUT));",
          replace: 'fs.write(fs.open(file, "replace"), writeSafetensors(tensors, ABOUT));',
        },
      ],
      [{ file: "run/loss/files.ts", find: "source.ino === there.ino", replace: "source.ino !== there.ino" }],
    ],
    tests: ["test/run/loss/files.test.ts"],
  },
  {
    name: "temperatureGone",
    what: "a training goes on with t = 0 or ∞, and saves it",
    places: [
      [{ file: "siglip/pairObjective.ts", find: 'void temperatureOf(model, "after")', replace: "{}" }],
      [{ file: "siglip/pairObjective.ts", find: "held > 0 &&", replace: "" }],
    ],
    tests: ["test/siglip/train.test.ts"],
  },
  {
    name: "silentRefusal",
    what: "results that cannot be written to standard output are no error",
    places: [[{ file: "cli/print.ts", find: "process.exitCode = EXIT.io;", replace: "" }]],
    tests: ["test/cli/refusals.test.ts"],
  },
  {
    name: "grownFile",
    what: "The size of a file is not read again after its contents, so one that grew meanwhile is taken for the whole.",
    places: [
      [
        {
          file: "run/fs.ts",
          find: "if (length < bytes.length || fstatSync(file).size !== bytes.length) {",
          replace: "if (length < bytes.length) {",
        },
      ],
    ],
    tests: ["test/run/fs.test.ts"],
  },
  {
    name: "oneCall",
    what: "A file is read or written, or hashed, in one call, which the system refuses from 2 GiB on.",
    places: [
      [{ file: "run/fs.ts", find: "Math.min(bytes.length - length, PIECE)", replace: "bytes.length - length" }],
      [{ file: "run/fs.ts", find: "bytes.subarray(0, PIECE)", replace: "bytes" }],
    ],
    tests: ["test/run/fs.test.ts"],
  },
  {
    name: "failuresForEver",
    what: "A save that succeeds does not begin the count of failures anew.",
    places: [[{ file: "run/saver.ts", find: "this.#failures = 0;\n      this.#losses", replace: "this.#losses" }]],
    tests: ["test/run/saver.test.ts"],
  },
  {
    name: "spaceForSaves",
    what: "A new run asks for the space of the next checkpoint, not of those that it will keep beside it; a resumed one for too much.",
    places: [
      [
        {
          file: "run/checkpoint.ts",
          find: "Math.max(1, this.#keep + 1 - present) * each",
          replace: "1 * each",
        },
      ],
      [
        {
          file: "run/checkpoint.ts",
          find: "Math.max(1, this.#keep + 1 - present) * each",
          replace: "(this.#keep + 1) * each",
        },
      ],
    ],
    tests: ["test/run/saver.test.ts"],
  },
  {
    name: "metricsAfterSave",
    what: "A checkpoint is saved before the lines that were measured up to it, or their file's name, are on the disk.",
    places: [
      [{ file: "run/saver.ts", find: "const unwritten = log.sync();", replace: "const unwritten: string[] = [];" }],
      [{ file: "run/metrics.ts", find: "if (!this.#isNamed) this.#fs.syncFolder(this.#folder);", replace: "" }],
      [{ file: "run/metrics.ts", find: "this.#fs.sync(this.#file);", replace: "" }],
    ],
    tests: ["test/run/saver.test.ts"],
  },
  {
    name: "discardedUnsynced",
    what: "Lines are cut off before the file that they are moved to is on the disk.",
    places: [
      [{ file: "run/metrics.ts", find: "fs.sync(aside);", replace: "" }],
      [{ file: "run/metrics.ts", find: "    fs.syncFolder(folder);\n  }\n  const all", replace: "  }\n  const all" }],
    ],
    tests: ["test/run/metrics.test.ts"],
  },
  {
    name: "runFolderUnsynced",
    what: "A power cut takes the folder of a run, or one above it, with all that was saved in it.",
    places: [
      [
        {
          file: "run/fs.ts",
          find: "  fs.syncFolder(dirname(path));\n  return [...above, path];",
          replace: "  return [...above, path];",
        },
      ],
    ],
    tests: ["test/run/checkpointFaults.test.ts"],
  },
  {
    name: "savedNaN",
    what: "Parameters are checked before a save, but not the optimizer's moments; or nothing is.",
    places: [
      [
        {
          file: "run/saver.ts",
          find: "firstNonFinite(tensorsOf(model, optimizer))",
          replace: "firstNonFinite(tensorsOf(model))",
        },
      ],
      [
        {
          file: "run/trainingState.ts",
          find: "if (!Number.isFinite(data[i])) return name;",
          replace: "if (Number.isNaN(data[i])) return name;",
        },
      ],
    ],
    tests: ["test/run/saver.test.ts"],
  },
  {
    name: "bestPruned",
    what: "Only the newest checkpoints are kept, so a training that diverges pushes out what was good.",
    places: [[{ file: "run/checkpoint.ts", find: ".filter((name) => name !== best)", replace: "" }]],
    tests: ["test/run/saver.test.ts"],
  },
  {
    name: "lockNotRead",
    what: "Who has written a lock does not look whether its file is still its own.",
    places: [[{ file: "run/lock.ts", find: "if (!holds(path, text, fs)) throw takenJustNow(folder);", replace: "" }]],
    tests: ["test/run/lock.test.ts"],
  },
  {
    name: "zombieHolds",
    what: "A process that was killed and that nobody waited for still counts as alive.",
    places: [[{ file: "run/lock.ts", find: "/^[ZX]/.test(stat.state)", replace: "/^X/.test(stat.state)" }]],
    tests: ["test/run/lock.test.ts"],
  },
  {
    name: "anyMark",
    what: "Ranks save when rank 0 has marked any step, so one that is behind saves after another step than the rest.",
    places: [
      [
        {
          file: "parallel/control.ts",
          find: "Atomics.load(this.words, this.at(rank, MARKED)) === step;",
          replace: "Atomics.load(this.words, this.at(rank, MARKED)) >= step;",
        },
      ],
    ],
    tests: ["test/parallel/launch.test.ts"],
  },
  {
    name: "laterKeys",
    what: "A key that was added with its default makes older runs ones of another configuration.",
    places: [
      [{ file: "run/config.ts", find: "if (value === unset) delete", replace: "if (value === undefined) delete" }],
    ],
    tests: ["test/run/runFolder.test.ts"],
  },
];
