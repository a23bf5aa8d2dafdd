/**
 * A silently flipped bit in one device's memory: training finds it before the next save, and says where.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CheckpointFolder } from "../../src/run/checkpoint.ts";
import { siglip, TINY } from "../support/cli.ts";
import { flipping } from "../support/flipBit.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const set = (key: string, value: number): string[] => ["--set", `${key}=${value}`];
const newest = (run: string) => new CheckpointFolder(join(run, "checkpoint"), { keep: 2 }).load();
const DEVICES = ["--devices", "3", "--shards", "3", "--batch", "12"];
const KERNEL = "model/image/patchEmbed/embed/kernel";

// A worker inherits the options of its process only if Node itself strips types.
describe.runIf(process.features.typescript)("a bit that turns over on one device", { timeout: 120_000 }, () => {
  const train = (args: readonly string[], ...flip: Parameters<typeof flipping>) =>
    siglip(["train", ...TINY, ...args], undefined, flipping(...flip));

  it.each([
    [
      "lowest bit of a weight",
      KERNEL,
      0,
      `after step 10: rank 1 of 3 holds different bits from the rest, in ${KERNEL};`,
    ],
    // The weights that it updates differ from then on too.
    [
      "exponent of a moment",
      "optimizer/b/m",
      24,
      "after step 10: rank 1 of 3 holds different bits from the rest, in model/b, optimizer/b/m;",
    ],
    // Not blamed on the learning rate, though the loss is NaN.
    ["exponent of a weight", KERNEL, 30, `in step 8: rank 1 of 3 holds different bits from the rest, in ${KERNEL};`],
  ] as const)("is found before the next checkpoint: %s", async (_, name, bit, says) => {
    const run = join(temporaryFolder(), "run");
    const args = [...DEVICES, ...set("train.steps", 20), ...set("checkpoint.every", 5), "--out", run];
    const { code, stdout, stderr } = await train(args, 1, 7, name, bit);
    expect(code, stderr).toBe(71);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/launch: rank 1 failed at step (8|10), /);
    expect(stderr).toContain(`CorruptionError: ${says}`);
    expect(stderr).not.toMatch(/ {4}at /);
    expect(newest(run)?.step).toBe(5);
    expect(stderr).toContain(
      `the checkpoint of step 5 is intact; resume with: npm run -s siglip -- train --resume --out ${run}`,
    );
  });

  it("ends the run, which can be resumed to the weights of an undisturbed one", async () => {
    const folder = temporaryFolder();
    const args = [...DEVICES, ...set("train.steps", 12), ...set("checkpoint.every", 5)];
    const { code } = await train([...args, "--out", join(folder, "hit")], 2, 7, KERNEL, 22);
    expect(code).toBe(71);
    const resumed = await siglip(["train", "--resume", "--out", join(folder, "hit"), "--devices", "3"]);
    expect(resumed.code, resumed.stderr).toBe(0);
    // Comparing at every step raises no false alarm, and changes no bit.
    const whole = await siglip(["train", ...TINY, ...args, "--verify", "--out", join(folder, "whole")]);
    expect(whole.code, whole.stderr).toBe(0);
    expect(newest(join(folder, "hit"))?.tensors).toEqual(newest(join(folder, "whole"))?.tensors);
    expect(readFileSync(join(folder, "hit/metrics.jsonl"))).toEqual(readFileSync(join(folder, "whole/metrics.jsonl")));
  });

  it("is found after at most 100 steps without a save, and then nothing is saved", async () => {
    const run = join(temporaryFolder(), "run");
    const args = ["--devices", "2", ...set("train.steps", 150), ...set("checkpoint.every", 1000), "--out", run];
    const { code, stderr } = await train(args, 1, 3, KERNEL, 12);
    expect(code, stderr).toBe(71);
    // With two devices, nobody knows which is right.
    expect(stderr).toContain(`CorruptionError: after step 100: ranks 0 and 1 hold different bits, in ${KERNEL}`);
    expect(stderr).toContain("nothing was saved before");
    expect(readdirSync(join(run, "checkpoint"))).toEqual([]);
    expect(readFileSync(join(run, "report.html"), "utf8")).toMatch(
      />Failed after step \d+: [^<]*ranks 0 and 1 hold different bits/,
    );
  });

  it("is found at its own step with --verify", async () => {
    const run = join(temporaryFolder(), "run");
    const args = ["--verify", ...DEVICES, ...set("train.steps", 20), "--out", run];
    const { code, stderr } = await train(args, 2, 7, KERNEL, 0);
    expect(code, stderr).toBe(71);
    expect(stderr).toContain("CorruptionError: after step 7: rank 2 of 3 holds different bits");
  });
});
