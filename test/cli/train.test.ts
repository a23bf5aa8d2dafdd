import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CheckpointFolder } from "../../src/run/checkpoint.ts";
import { interrupted, siglip, TINY, TINY_RUN, whenTraining } from "../support/cli.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "siglip-train-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (name: string): string => join(folder, name);
const steps = (count: number): string[] => ["--set", `train.steps=${count}`, "--set", "checkpoint.every=5"];
const weights = (name: string): Buffer => {
  const checkpoint = new CheckpointFolder(join(run(name), "checkpoint"), { keep: 2 }).load();
  return Buffer.concat(
    [...(checkpoint?.tensors ?? [])].map(([, { data }]) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  );
};
const metrics = (name: string): string => readFileSync(join(run(name), "metrics.jsonl"), "utf8");

/** The fields of a line of metrics. */
const FIELDS = [
  ...["step", "loss", "t", "b", "learningRate", "clipped", "gflop", "gradNorm", "gradNorm.image", "gradNorm.text"],
  ...["updateNorm", "paramNorm"].flatMap((norm) => [norm, `${norm}.image`, `${norm}.text`]),
  ...["positives", "negatives"].flatMap((pairs) => [`${pairs}.min`, `${pairs}.mean`, `${pairs}.max`]),
  ...["embeddingNorm.image", "embeddingNorm.text"],
];

describe("siglip train", { timeout: 120_000 }, () => {
  it("writes configuration, metrics, checkpoint and report, and ends with a table", async () => {
    const { code, stdout, stderr } = await siglip([
      "train",
      ...TINY_RUN,
      ...steps(12),
      "--shards",
      "4",
      "--out",
      run("whole"),
    ]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/R@1 +R@5 +R@10/);
    expect(stdout).toMatch(/text → picture +\d+\.\d %/);
    const [last] = stderr.match(/^step 12\/12 .*loss \d.*$/gm)?.slice(-1) ?? [];
    const measured = /→ picture +([\d.]+) %[\s\S]*?→ text +([\d.]+) %/.exec(stdout)?.slice(1);
    expect(last).toContain(`R@1 ${measured?.join("/")} %`);
    expect(stderr).not.toMatch(/warning/);
    expect(readdirSync(run("whole")).sort()).toEqual([
      ...["checkpoint", "config.json", "journal.jsonl", "metrics.jsonl", "report.html"],
    ]);
    const report = readFileSync(join(run("whole"), "report.html"), "utf8");
    expect(report).toMatch(/6 classes, 1,000 pictures.*pictures per class.*image tower.*\d+\.\d %.*chance.*16\.7 %/s);
    expect(stderr).toMatch(/checkpoint of step 5 saved[\s\S]*checkpoint of step 12 saved/);
    const lines = metrics("whole")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const [rows, results] = [lines.slice(0, 12), lines.slice(12)];
    const shown = /text → picture +([\d.]+) %/.exec(stdout)?.[1];
    expect(results.map((row) => [row.step, (100 * row["textToImage.r1"]).toFixed(1)])).toEqual([[12, shown]]);
    expect(rows.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(rows[11].gflop).toBeCloseTo(12 * rows[0].gflop, 10);
    expect(stdout).toMatch(/192 pairs in 12 steps, 0\.\d+ GFLOP, /);
    for (const row of rows) expect(row).toEqual(Object.fromEntries(FIELDS.map((name) => [name, expect.any(Number)])));
    expect(rows[0].learningRate).toBe(0);
    expect(rows[0].updateNorm).toBe(0);
    expect(rows[0]).toMatchObject({ t: expect.closeTo(10, 5), b: expect.closeTo(-Math.log(15), 5) });
    expect(JSON.parse(readFileSync(join(run("whole"), "config.json"), "utf8"))).toMatchObject({
      train: { steps: 12, batch: 16, loss: "sigmoid" },
    });
  });

  it("gives the same bits for the same seed, and others for another", async () => {
    const args = ["train", ...TINY, ...steps(12), "--shards", "4"];
    await siglip([...args, "--out", run("again")]);
    await siglip([...args, "--seed", "1", "--out", run("seed1")]);
    expect(weights("again")).toEqual(weights("whole"));
    expect(metrics("again")).toBe(metrics("whole"));
    expect(weights("seed1").equals(weights("whole"))).toBe(false);
  });

  it("measures the same losses and operations on any number of devices", async () => {
    for (const devices of ["1", "2"]) {
      const args = ["train", ...TINY, ...steps(3), "--shards", "2", "--devices", devices];
      await siglip([...args, "--out", run(`on${devices}`)]);
    }
    expect(metrics("on2")).toContain('"gflop":');
    expect(metrics("on2")).toBe(metrics("on1"));
  });

  it("saves and exits 130 on Ctrl-C, and --resume reaches the same final weights, bit for bit", async () => {
    const args = ["train", ...TINY, ...steps(100), "--set", "checkpoint.every=1000", "--set", "log.every=7"];
    const stopped = await interrupted([...args, "--out", run("interrupted")]);
    expect(stopped.code, stopped.stderr).toBe(130);
    expect(stopped.stderr).toMatch(
      /after step \d+, which is saved; resume with: npm run -s siglip -- train --resume --out/,
    );
    expect(stopped.stdout).toBe("");
    const resumed = await siglip(["train", "--resume", "--out", run("interrupted")]);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stdout).toMatch(
      /pairs in 100 steps, [\d.]+ GFLOP, (\d+ min )?\d+ s since it was resumed at step \d+ on /,
    );
    const straight = await siglip([...args, "--out", run("straight")]);
    expect(straight.code, straight.stderr).toBe(0);
    expect(weights("interrupted")).toEqual(weights("straight"));
    expect(metrics("interrupted")).toBe(metrics("straight"));
  });

  it("trains with the requested kernels, on devices too, and keeps them when it is resumed", async () => {
    const args = ["train", ...TINY, ...steps(100), "--set", "checkpoint.every=1000", "--kernels", "strict"];
    const { code, stderr } = await interrupted([...args, "--devices", "2", "--out", run("strict")]);
    expect(code, stderr).toBe(130);
    const resumed = await siglip(["train", "--resume", "--out", run("strict")]);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(JSON.parse(readFileSync(join(run("strict"), "config.json"), "utf8")).train.kernels).toBe("strict");
    // Rank 0 writes the report.
    expect(readFileSync(join(run("strict"), "report.html"), "utf8")).toContain("products and sums rounded separately");
  });

  it("warns of a training that does not work, and on --resume knows its first step", async () => {
    const args = ["train", ...TINY, ...steps(300), "--set", "optim.lr=1", "--out", run("sick")];
    let warned = false;
    const interrupted = await siglip(args, (child) => {
      child.stderr?.on("data", (chunk) => {
        if (!warned && String(chunk).includes("warning")) child.kill("SIGINT");
        warned ||= String(chunk).includes("warning");
      });
    });
    expect(interrupted.stderr).toMatch(/^warning: step \d+: (vanishing temperature|exploding loss)/m);
    const { code, stderr } = await siglip(["train", "--resume", "--out", run("sick")]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/warning: step \d+: vanishing temperature: t is [^,]+, from 10 at the start/);
  });

  it("exits 76 if the last update made a model that cannot be evaluated", async () => {
    const grows = 'optim.multipliers=[{"match":".*","lr":1000,"decay":1000}]';
    const wild = ["--set", grows, "--set", "optim.weightDecay=1", "--set", "optim.warmup=0"];
    const codes: (number | null)[] = [];
    for (const count of [3, 4, 5]) {
      const { code, stderr } = await siglip(["train", ...TINY, ...wild, ...steps(count), "--out", run(`wild${count}`)]);
      expect(stderr).not.toMatch(/EvaluationError| {4}at /);
      codes.push(code);
    }
    expect(codes).toContain(76);
    expect(codes.filter((code) => code !== 76 && code !== 0)).toEqual([]);
  });

  it("warns if the only step has a learning rate of 0", async () => {
    const { code, stderr } = await siglip(["train", ...TINY, ...steps(1), "--out", run("one")]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/warning: the only step has a learning rate of 0/);
  });

  // The other losses are compared on all of these in one thread (test/siglip).
  it.each([
    ["train.loss=sigmoid", [2, 8]],
    ["train.loss=softmax", [4]],
    ["loss.views=image-image", [4]],
  ] as const)("ends with the same weights on several devices as on one (%s)", async (setting, counts) => {
    const args = ["train", ...TINY, ...steps(12), "--shards", "8", "--set", setting];
    const on = async (devices: number): Promise<Buffer> => {
      const name = `${setting}-on-${devices}`;
      const { code, stderr } = await siglip([...args, "--devices", String(devices), "--out", run(name)]);
      expect(code, stderr).toBe(0);
      return weights(name);
    };
    const one = await on(1);
    for (const devices of counts) expect((await on(devices)).equals(one), `${devices} devices`).toBe(true);
  });
});

describe("siglip says what is wrong, and where", { timeout: 60_000 }, () => {
  const cases: readonly [what: string, args: () => string[], code: number, says: RegExp][] = [
    ["an unknown key", () => ["train", "--set", "optim.lrr=1"], 2, /optim\.lrr.*optim\.lr.*\nnpm run -s siglip -- config lists the keys$/m],
    ["a value out of range", () => ["train", "--set", "optim.lr=-1"], 2, /optim\.lr/],
    ["heads that do not divide the width", () => ["train", "--set", "model.image.numHeads=5"], 2, /numHeads.*5.*64|64.*5/],
    ["a patch that does not divide the side", () => ["train", "--set", "model.image.patchSize=7"], 2, /patchSize 7 does not divide .*24/],
    ["devices that cannot share the shards", () => ["train", ...TINY, "--devices", "3", "--shards", "4"], 2, /3.*shards 4/],
    ["a batch that the shards do not divide", () => ["train", ...TINY, "--shards", "5"], 2, /shards 5.*batch 16/],
    ["an unknown preset", () => ["train", "--preset", "emojis"], 2, /emojis.*emoji/],
    ["an unknown option", () => ["train", "--step", "3"], 2, /--step/],
    ["an unknown command", () => ["trian"], 2, /trian/],
    ["a command with characters that steer a terminal", () => ["tr\nian\x1b[3m\u202e"], 2, /'tr\\u\{a\}ian\\u\{1b\}\[3m\\u\{202e\}'/],
    ["an option with such characters", () => ["train", "--no\r\x1b[3m"], 2, /'--no\\u\{d\}\\u\{1b\}\[3m'/],
    ["a choice with such characters", () => ["train", "--kernels", "f\nst"], 2, /'f\\u\{a\}st'/],
    ["a preset with such characters", () => ["train", "--preset", "em\noji"], 2, /em\\u\{a\}oji/],
    ["a key with such characters", () => ["train", "--set", "op\x1b[3m\ntim=1"], 2, /op\\u\{1b\}\[3m\\u\{a\}tim/],
    ["a run folder with such characters", () => ["eval", "ru\nn\x1b[3m"], 2, /ru\\u\{a\}n\\u\{1b\}\[3m is not a run folder/],
    ["a folder that holds another run", () => ["train", ...TINY, "--out", run("whole")], 2, /whole exists.*--resume/],
    ["such a folder for a dry run", () => ["train", ...TINY, "--dry-run", "--out", run("whole")], 2, /whole exists.*--resume/],
    ["--json without a dry run", () => ["train", ...TINY, "--json", "--out", run("json")], 2, /--json is for --dry-run; .* leave it out/],
    ["--lock without a run", () => ["train", "--lock", "image"], 2, /name that run with --init RUN$/m],
    ["a folder of runs", () => ["eval", folder], 2, /is not a run folder: .* it holds runs; name one of them/],
    ["a folder that is not a run", () => ["eval", "src"], 2, /not a run folder: .*config\.json does not exist$/m],
    ["embeddings of training images in a file for those of others", () => ["embed", run("whole"), "--out", "x.npy"], 2, /are written to a file that ends in \.safetensors; .* --images or --texts/],
    ["another configuration for a resumed run", () => ["train", "--resume", "--out", run("whole"), "--set", "optim.lr=1"], 2, /optim\.lr/],
    ["a pattern that matches no parameter", () => ["train", ...TINY, "--set", 'optim.multipliers=[{"match":"imag/.*","lr":1,"decay":0}]'], 2, /"imag\/\.\*" matches no parameter.*image\//],
    ["a batch of more than all emoji, before pictures are rendered", () => ["train", "--preset", "emoji", "--batch", "2000", "--shards", "100"], 2, /^siglip: config: train\.batch = 2000 is more than the 1594/m],
    ["a pattern that backtracks without end", () => ["train", ...TINY, "--set", 'optim.multipliers=[{"match":"(.*)*x","lr":1,"decay":0}]'], 2, /takes more than/],
    ["a pattern that matches no parameter, without a run too", () => ["train", ...TINY, "--dry-run", "--set", 'optim.multipliers=[{"match":"imag/.*","lr":1,"decay":0}]'], 2, /matches no parameter/],
    ["a batch of no pairs", () => ["train", ...TINY, "--batch", "0"], 2, /train\.batch = 0: expected an integer from 1/],
    ["a warm-up of more epochs than the run has", () => ["train", ...TINY, ...steps(12), "--set", "optim.warmup=2 epochs"], 2, /optim\.warmup 2 epochs.*train\.steps 12/],
    ["softmax over a batch of one", () => ["train", ...TINY, "--batch", "1", "--shards", "1", "--devices", "1", "--set", "train.loss=softmax", "--set", "model.biasInit=0"], 2, /train\.batch 1/],
    ["a batch larger than the data", () => ["train", ...TINY, "--set", "train.batch=20000", "--out", run("large")], 2, /20000/],
    ["a picture that is not there", () => ["classify", run("whole"), join(folder, "none.png"), "cat"], 65, /none\.png.*no such file/],
  ]; // biome-ignore format: a case a line

  it.each(cases)("%s", async (_, args, code, says) => {
    const finished = await siglip(args());
    expect(finished.stderr).toMatch(says);
    expect(finished.stderr).not.toMatch(/ {4}at /);
    expect(finished.code).toBe(code);
    expect(finished.stdout).toBe("");
  });

  it("and a rejected run leaves no run folder, so that the same --out can be used again", async () => {
    for (const wrong of [
      ["--devices", "3", "--shards", "4"],
      ["--set", "train.batch=20000"],
      ["--set", 'optim.multipliers=[{"match":"imag/.*","lr":1,"decay":0}]'],
    ]) {
      const { code } = await siglip(["train", ...TINY, ...wrong, "--out", run("refused")]);
      expect(code).toBe(2);
      expect(existsSync(run("refused"))).toBe(false);
    }
  });

  it("a batch larger than the emoji, before a picture is rendered", async () => {
    const args = ["train", "--preset", "emoji", "--batch", "65536", "--out", run("refused")];
    const { code, stderr } = await siglip(args, undefined, [], undefined, { SIGLIP_CACHE: run("cache") });
    expect(code).toBe(2);
    expect(stderr).toMatch(/train\.batch = 65536 is more than the 1594 items/);
    expect(stderr).not.toMatch(/rendering/);
    expect(existsSync(run("cache"))).toBe(false);
  });

  it("a run folder in use", async () => {
    let second: Promise<{ code: number | null; stderr: string }> | undefined;
    await siglip(["train", ...TINY, ...steps(100000), "--out", run("busy")], (child) => {
      whenTraining(child, () => {
        second = siglip(["train", "--resume", "--out", run("busy")]).finally(() => child.kill("SIGTERM"));
      });
    });
    expect(await second).toMatchObject({ code: 73, stderr: expect.stringMatching(/in use|locked/) });
  });

  it("an altered checkpoint: the one before it is used, and a run without an intact one is rejected", async () => {
    const checkpoints = join(run("whole"), "checkpoint");
    const files = readdirSync(checkpoints)
      .filter((name) => name.endsWith(".safetensors"))
      .sort();
    const alter = (name: string): void => {
      const bytes = readFileSync(join(checkpoints, name));
      bytes[bytes.length - 1] ^= 1;
      writeFileSync(join(checkpoints, name), bytes);
    };
    alter(files.at(-1) as string);
    const fallen = await siglip(["eval", run("whole"), "--json"]);
    expect(fallen.code, fallen.stderr).toBe(0);
    expect(fallen.stderr).toMatch(/is skipped/);
    expect(JSON.parse(fallen.stdout)).toMatchObject({ step: 10 });
    for (const name of files.slice(0, -1)) alter(name);
    const refused = await siglip(["eval", run("whole")]);
    expect(refused.code).toBe(65);
    expect(refused.stderr).toMatch(/CKPT_DAMAGED/);
  });
});
