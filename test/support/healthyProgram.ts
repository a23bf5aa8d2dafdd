/** A separate program: three devices that exchange for some seconds with a deadline of one. */
import { launch, threadFile } from "../../src/parallel/launch.ts";
import type { CollectivesJob, CollectivesResult } from "./devices/collectives.ts";

const file = threadFile("./devices/collectives", import.meta.url);
const job: CollectivesJob = { seed: 1, rounds: 120, busy: 20 };
const { results } = launch<CollectivesJob, CollectivesResult>(file, 3, job, { deadline: 1000 });
setTimeout(() => console.log("running"), 800); // by then the threads have started
const wrong = (await results).flatMap((result) => result.wrong);
console.log(wrong.length === 0 ? "all right" : wrong.join("\n"));
