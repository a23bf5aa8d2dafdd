/** The advice after a failed run: checked, and true of the next command. */
import { describe, expect, it } from "vitest";
import { howToGoOn, resumeCommand } from "../../src/cli/recovery.ts";
import { type Checkpoint, CheckpointFolder } from "../../src/run/checkpoint.ts";
import { resolveConfig } from "../../src/run/config.ts";
import { DIGEST } from "../support/checkpoints.ts";
import { SimulatedFs } from "../support/simulatedFs.ts";

const RUN = "/run";
const FOLDER = "/run/checkpoint";
const config = resolveConfig("shapes", []);
const how = `resume with: ${resumeCommand(RUN)}`;

const saved = (step: number, value: number, trainLoss?: number): Checkpoint => ({
  step,
  tensors: new Map([["model/w", { dtype: "F32", shape: [2], data: Float32Array.of(1, value) }]]),
  meta: { updates: step },
  trainLoss,
});

function advice(checkpoints: readonly Checkpoint[], nonFinite: boolean, damaged: readonly string[] = []): string {
  const fs = new SimulatedFs([FOLDER], 10_000);
  const folder = new CheckpointFolder(FOLDER, { keep: 10, fs });
  for (const checkpoint of checkpoints) folder.save(checkpoint, DIGEST);
  for (const name of damaged) fs.put(`${FOLDER}/${name}`, new Uint8Array(5));
  return howToGoOn({ path: RUN, config, checkpoints: folder }, DIGEST, nonFinite);
}

describe("after a device failed", () => {
  it("the newest checkpoint is recommended if it is intact and finite", () => {
    expect(advice([saved(4, 1), saved(8, 2)], false)).toBe(`the checkpoint of step 8 is intact; ${how}`);
  });

  it("an older one if the newest is damaged", () => {
    const says = advice([saved(4, 1), saved(8, 2)], false, ["000002-step-8.safetensors"]);
    expect(says).toBe(`the checkpoint of step 4 is intact; ${how}`);
  });

  it("never one that holds NaN", () => {
    const says = advice([saved(4, 1), saved(8, Number.NaN)], false);
    expect(says).not.toContain("resume with");
    expect(says).toMatch(/step 8: NaN or infinity in model\/w/);
    expect(says).toMatch(/The checkpoint of step 4 is good\. .* move the files of later steps away/);
  });

  it("a run without any starts again", () => {
    expect(advice([], false)).toBe(`nothing was saved before; start again with: ${resumeCommand(RUN)}`);
  });

  it("and a run in which none is intact is not recommended", () => {
    expect(advice([saved(4, 1)], false, ["000001-step-4.safetensors"])).toBe("no checkpoint in /run is intact");
  });
});

describe("after a number became NaN", () => {
  it("the checkpoint with the lowest loss is the good one, and how to use it depends on whether it is the newest", () => {
    const diverged = advice([saved(4, 1, 2.5), saved(8, 8e14, 7000)], true);
    expect(diverged).toMatch(/step 8: intact and finite, mean loss 7000 before it/);
    expect(diverged).toMatch(/The checkpoint of step 4 is good\. eval, search, classify and --resume use the newest/);
    expect(diverged).toMatch(/start a new run with a lower optim\.lr/);
    const sudden = advice([saved(4, 1, 2.5), saved(8, 2, 2.1)], true);
    expect(sudden).toMatch(/The checkpoint of step 8 is good; eval, search and classify use it/);
  });

  it("resuming is not recommended, since it would fail again", () => {
    expect(advice([saved(4, 1, 2.5)], true)).not.toContain("resume with");
    expect(advice([], true)).toBe("nothing was saved before");
    expect(advice([saved(4, Number.NaN, 2.5)], true)).toMatch(/No saved checkpoint is usable/);
  });
});
