/** Seeded bugs in how a run is saved and resumed. */
import type { Bug } from "./bug.ts";

export const runBugs: readonly Bug[] = [];
