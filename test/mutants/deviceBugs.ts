/** Seeded bugs in how devices meet, wait and are watched. */
import type { Bug } from "./bug.ts";

export const deviceBugs: readonly Bug[] = [];
