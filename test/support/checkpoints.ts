/** Checkpoints of a training on simulated disks, and what a new process loads from them. */
import { expect } from "vitest";
import { type Checkpoint, CheckpointError, CheckpointFolder, sha256 } from "../../src/run/checkpoint.ts";
import type { Fs } from "../../src/run/fs.ts";
import { SimulatedFs } from "./simulatedFs.ts";

export const FOLDER = "/run/checkpoint";
export const DIGEST = sha256("configuration");

/** A training state whose every relevant bit depends on its step. */
export const stateAt = (step: number): Checkpoint => ({
  step,
  tensors: new Map([
    ["w", { dtype: "F32", shape: [2, 2], data: Float32Array.of(step, -0, Number.NaN, 1e-45) }],
    ["b", { dtype: "F64", shape: [], data: Float64Array.of(1 / step) }],
  ]),
  meta: { step, rng: [step, 7], name: "emoji" },
});

export const folderOn = (fs: Fs): CheckpointFolder => new CheckpointFolder(FOLDER, { keep: 2, fs });

/** A disk with checkpoints 1 and 2. */
export const diskWithTwo = (() => {
  const disk = diskWith(1, 2);
  return () => disk.afterKill();
})();

/** A disk with the checkpoints of these steps. */
export function diskWith(...steps: number[]): SimulatedFs {
  const fs = new SimulatedFs([FOLDER]);
  for (const step of steps) folderOn(fs).save(stateAt(step), DIGEST);
  return fs;
}

/** The step that a new process loads; throws if its state is not exactly that of the step. */
export function loadedStep(fs: Fs): number {
  const loaded = folderOn(fs).load(DIGEST);
  if (loaded === undefined) return 0;
  const expected = stateAt(loaded.step);
  expect({ ...loaded, warnings: [] }).toEqual({ ...expected, warnings: [] });
  return loaded.step;
}

export const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof CheckpointError) return error.code;
    throw error;
  }
  return "no error";
};
