/**
 * One task of the models bench, in a process of its own, so that its memory is its own: prints seconds and resident memory as JSON.
 *
 *     node bench/modelsProcess.ts read|load|image|text|query FOLDER
 */
import "../src/engine.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { noGrad } from "../src/autograd/index.ts";
import { loadModel, loadTower } from "../src/models/index.ts";
import { kernelsFor, scope } from "../src/tensor/index.ts";

/** Figures of a task. */
export interface Task {
  readonly seconds: number;
  /** The most memory that was resident at once, in MB. */
  readonly residentMB: number;
}

const TASKS: Readonly<Record<string, (folder: string) => unknown>> = {
  read: (folder) => readFileSync(join(folder, "model.safetensors")),
  load: (folder) => loadModel(folder),
  image: (folder) => loadTower(folder, "image"),
  text: (folder) => loadTower(folder, "text"),
  query(folder) {
    const { tower, config } = loadTower(folder, "text", { onDemand: true });
    const { length, vocabSize } = config.text;
    const ids = Int32Array.from({ length }, (_, i) => (i * 3989) % vocabSize);
    return scope(() => noGrad(() => tower.forward(ids)).value.toArray());
  },
};

const [task, folder] = process.argv.slice(2);
kernelsFor("f32"); // chosen before the clock starts
const start = performance.now();
TASKS[task](folder);
const seconds = (performance.now() - start) / 1e3;
const figures: Task = { seconds, residentMB: (process.resourceUsage().maxRSS * 1024) / 1e6 };
process.stdout.write(JSON.stringify(figures));
