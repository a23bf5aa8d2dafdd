/** A separate program that launches devices of which one fails, reports it, and has nothing more to do. */

import type { Kind } from "./faultKinds.ts";
import { runFault } from "./faults.ts";

const { error } = await runFault({ kind: process.argv[2] as Kind, rank: 1, op: "allReduce" }, 3);
console.log(error.message);
