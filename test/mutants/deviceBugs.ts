/** Seeded bugs in how devices meet, wait and are watched. */
import type { Bug } from "./bug.ts";

export const deviceBugs: readonly Bug[] = [
  {
    name: "lastVote",
    what: "a later vote to stop takes the place of the first, so that devices stop after different steps",
    places: [
      [{ file: "parallel/control.ts", find: "if (Atomics.load(this.words, at) === 0) Atomics", replace: "Atomics" }],
    ],
    tests: ["test/parallel/control.test.ts"],
  },
  {
    name: "patchesByDevice",
    what: "patch dropout counts the rows of each device from 0, so that other devices drop other patches",
    places: [[{ file: "siglip/batchShards.ts", find: "(owned * rank + shard) * rows", replace: "shard * rows" }]],
    tests: ["test/siglip/patchDropout.test.ts"],
  },
  {
    name: "classesOfOneDevice",
    what: "the loss of classes is a mean over the rows of one device, or its accuracy reads the rows of another shard",
    places: [
      [{ file: "siglip/classification.ts", find: "-1 / batch", replace: "-1 / rows" }],
      [{ file: "siglip/classification.ts", find: "loss: total / batch", replace: "loss: total / rows" }],
      [{ file: "siglip/classification.ts", find: "(first + i) * classes", replace: "i * classes" }],
    ],
    tests: ["test/siglip/classification.test.ts"],
  },
  {
    name: "patchesInOrder",
    what: "kept patches get the positions of the first ones, not their own",
    places: [
      [
        {
          file: "siglip/imageTower.ts",
          find: "gather(this.posEmbedding, kept, [",
          replace: "gather(this.posEmbedding, kept.map((_, i) => i % (kept.length / images.shape[0])), [",
        },
      ],
    ],
    tests: ["test/siglip/patchDropout.test.ts"],
  },
  {
    name: "longSleep",
    what: "who waits sleeps until its deadline, and sees nothing of what happens meanwhile",
    places: [
      [
        {
          file: "parallel/threads.ts",
          find: "Math.min(SLICE_MS, deadline - silence.ms)",
          replace: "deadline - silence.ms",
        },
      ],
    ],
    tests: ["test/parallel/threads.test.ts"],
  },
  {
    name: "stoppedTime",
    what: "the time in which a process was stopped counts as silence of its devices",
    places: [
      [{ file: "parallel/silence.ts", find: "Math.min(now - this.#at, this.#longest)", replace: "now - this.#at" }],
    ],
    tests: ["test/parallel/silence.test.ts"],
  },
  {
    name: "noFarewell",
    what: "devices end without meeting, so that one that goes on is found out only by its deadline",
    places: [
      [
        {
          file: "parallel/launch.ts",
          find: 'comm.barrier();\n      say({ kind: "result"',
          replace: 'say({ kind: "result"',
        },
      ],
    ],
    tests: ["test/parallel/launch.test.ts"],
  },
  {
    name: "keepsTooMuch",
    what: "the activations of all shards are kept where one shard's are within the limit",
    places: [
      [
        {
          file: "siglip/batchGradients.ts",
          find: "(heap.liveBytes - before) * owned <=",
          replace: "heap.liveBytes - before <=",
        },
      ],
    ],
    tests: ["test/siglip/train.test.ts"],
  },
  {
    name: "nearestOnly",
    what: "who waits looks only at the rank it waits for, and gives up when that one waits for a third that works",
    places: [[{ file: "parallel/control.ts", find: "at = next < 0 ? undefined : next;", replace: "at = undefined;" }]],
    tests: ["test/parallel/control.test.ts"],
  },
  {
    name: "silentWork",
    what: "work sends no heartbeat",
    places: [[{ file: "tensor/heap.ts", find: "    this.onWork?.();\n", replace: "" }]],
    tests: ["test/siglip/heartbeat.test.ts"],
  },
  {
    name: "busyWaiting",
    what: "who waits sends heartbeats, so that two that wait for a third keep each other waiting",
    places: [[{ file: "parallel/threads.ts", find: "if (!this.#waiting) this", replace: "this" }]],
    tests: ["test/parallel/threads.test.ts"],
  },
];
