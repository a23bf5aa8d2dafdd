/** Seeded bugs in how pictures and texts are read. */
import type { Bug } from "./bug.ts";

export const dataBugs: readonly Bug[] = [];
