/**
 * `npm run test:soak [minutes] [seed]`: eight devices call random collectives with random sleeps and allocations, some with
 * slow ranks, growing heaps or disturbed words; every number received is checked, and carries a checksum. Default 10 minutes.
 *
 * No alarm may be raised and no thread may stay. Prints a line a launch; a seed gives the same launches again.
 */
import { launch, threadFile } from "../src/parallel/launch.ts";
import { Rng } from "../src/tensor/index.ts";
import type { CollectivesJob, CollectivesResult } from "./support/devices/collectives.ts";
import { countThreads } from "./support/faults.ts";

const SIZE = 8;
const DEADLINE = 10_000; // ms: far above any sleep here, far below the patience of whoever watches
const minutes = Number(process.argv[2] ?? 10);
const first = Number(process.argv[3] ?? 1);
if (!(minutes > 0) || !Number.isInteger(first)) {
  console.error("usage: soak [minutes] [seed]");
  process.exit(2);
}

/** How the launch of a seed goes: quiet, busy, with a slow rank, growing, disturbed. */
function jobOf(seed: number): CollectivesJob {
  const rng = new Rng(seed).split("job");
  const kind = seed % 5;
  if (kind === 0) return { seed, rounds: 800 };
  if (kind === 1) return { seed, rounds: 300, busy: 20 };
  if (kind === 2) return { seed, rounds: 60, busy: 10, slow: { rank: rng.integer(SIZE), ms: 200 } };
  if (kind === 3) return { seed, rounds: 200, busy: 5, grow: true };
  return { seed, rounds: 30, busy: 10, jitter: 5, deaf: rng.integer(2) === 0 };
}

const end = performance.now() + minutes * 60_000;
let rounds = 0;
let seed = first;
for (; performance.now() < end; seed++) {
  const job = jobOf(seed);
  const start = performance.now();
  const { value, left } = await countThreads(() => {
    const file = threadFile("./support/devices/collectives", import.meta.url);
    return launch<CollectivesJob, CollectivesResult>(file, SIZE, job, { deadline: DEADLINE, verify: true }).results;
  });
  const wrong = value.flatMap((result) => result.wrong);
  rounds += job.rounds;
  const seconds = ((performance.now() - start) / 1e3).toFixed(1);
  console.log(`seed ${seed}: ${JSON.stringify(job)}: ${seconds} s, ${wrong.length} wrong, ${left} threads left`);
  if (wrong.length > 0 || left > 0) {
    console.error(wrong.slice(0, 10).join("\n"));
    process.exit(1);
  }
}
console.log(`${seed - first} launches of ${SIZE} devices, ${rounds} collectives on each, all right`);
