/** Resuming a run: from a checked checkpoint, with the settings that may change, after saves by signal or by time. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { CheckpointFolder } from "../../src/run/checkpoint.ts";
import { readRun, writeConfig } from "../../src/run/runFolder.ts";
import { type Finished, siglip, whenTraining } from "../support/cli.ts";
import { faultyDisk } from "../support/faultyDisk.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const FIRST = join(import.meta.dirname, "../fixtures/run/first");
/** SHA-256 of the tensors after step 6, steps 5 and 6 by this version: update it with its arithmetic, as those of strictTraining.ts. */
const STEP_6 = "8a79e5b0eb0689b0d48dbe5a44261fe971ee40728be66989a42a57081cde1543";

/** A copy of a run of the first format: step 4 of 6 is saved. */
function oldRun(): string {
  const path = join(temporaryFolder(), "run");
  cpSync(FIRST, path, { recursive: true });
  return path;
}

const resume = (path: string, args: readonly string[] = [], flags: readonly string[] = []): Promise<Finished> =>
  siglip(["train", "--resume", "--out", path, ...args], undefined, flags);

/** SHA-256 of the tensors of the newest checkpoint, from its manifest. */
function newest(path: string): { step: number; sha256: string } {
  const folder = join(path, "checkpoint");
  const name = readdirSync(folder).filter((each) => each.endsWith(".manifest.json")).sort().at(-1) as string; // biome-ignore format: one path
  const { step, files } = JSON.parse(readFileSync(join(folder, name), "utf8"));
  return { step, sha256: files[0].sha256 };
}

const linesOf = (path: string): { step: number; loss?: number; "textToImage.r1"?: number }[] =>
  readFileSync(join(path, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** The steps with a loss. */
const stepsOf = (path: string): number[] =>
  linesOf(path).flatMap(({ step, loss }) => (loss === undefined ? [] : [step]));

describe("a run of the first format", { timeout: 120_000 }, () => {
  it("loads, and resumes to the weights that this version reaches from its checkpoint", async () => {
    const path = oldRun();
    const { code, stderr } = await resume(path, ["--devices", "1"]);
    expect(code, stderr).toBe(0);
    expect(newest(path)).toEqual({ step: 6, sha256: STEP_6 });
    expect(stepsOf(path)).toEqual([1, 2, 3, 4, 5, 6]);
    const report = readFileSync(join(path, "report.html"), "utf8");
    expect(report).toContain(`>${basename(path)}</bdi></h1>`); // not the preset that a new run would have had
    // Its result is measured once, however often it is resumed.
    const whole = linesOf(path);
    expect(whole.filter((line) => "textToImage.r1" in line).map(({ step }) => step)).toEqual([6]);
    expect((await resume(path)).code).toBe(0);
    expect(linesOf(path)).toEqual(whole);
  });
});

// A worker inherits the options of its process only if Node itself strips types.
describe.runIf(process.features.typescript)(
  "a disk that fails after the main thread has read",
  { timeout: 120_000 },
  () => {
    it("changes nothing about how a run resumes: devices get what was read", async () => {
      const path = oldRun();
      const { code, stderr } = await resume(path, ["--devices", "2"], faultyDisk("reads"));
      expect(code, stderr).toBe(0);
      expect(newest(path)).toEqual({ step: 6, sha256: STEP_6 });
    });

    it("nor about what is evaluated", async () => {
      const evaluate = (flags: readonly string[]) =>
        siglip(["eval", FIRST, "--json", "--devices", "2"], undefined, flags);
      const [plain, failing] = [await evaluate([]), await evaluate(faultyDisk("reads"))];
      expect(failing.code, failing.stderr).toBe(0);
      expect(JSON.parse(failing.stdout)).toEqual(JSON.parse(plain.stdout));
      expect(JSON.parse(failing.stdout)).toMatchObject({ step: 4 });
    });
  },
);

describe.runIf(process.features.typescript)("a disk without room for a checkpoint", { timeout: 120_000 }, () => {
  it("is noticed before the first step, and a new run leaves no folder that would be in the way", async () => {
    const run = join(temporaryFolder(), "new", "run");
    const { code, stderr } = await siglip(["train", "--preset", "shapes", "--batch", "8", "--out", run], undefined, faultyDisk("full")); // biome-ignore format: one command
    expect(code, stderr).toBe(74);
    expect(stderr).toMatch(/disk full in .*: \d+ bytes needed, 1 free; make room/);
    expect(existsSync(join(run, ".."))).toBe(false);
  });

  it("prevents resuming, but not ending a run whose steps are all done", async () => {
    const path = oldRun();
    const refused = await resume(path, [], faultyDisk("full"));
    expect(refused.code, refused.stderr).toBe(74);
    expect(refused.stderr).toMatch(/the checkpoint of step 4 is intact; resume with: npm run/);
    expect((await resume(path)).code).toBe(0);
    const done = await resume(path, [], faultyDisk("full"));
    expect(done.code, done.stderr).toBe(0);
    expect(done.stderr).toMatch(/^all its steps are done; evaluating again$/m);
  });
});

/** A new run of a small model with a constant schedule. */
function begin(name: string, steps: number, settings: readonly string[] = []): Promise<Finished> {
  const { config } = readRun(FIRST);
  const { image, text } = config.model;
  const model = Object.entries({ "model.image": image, "model.text": text }).flatMap(([tower, keys]) =>
    Object.entries(keys).flatMap(([key, value]) => ["--set", `${tower}.${key}=${value}`]),
  );
  const set = ["model.embedDim=8", "tokenizer.vocabSize=300", "optim.warmup=2", "optim.schedule=constant", "checkpoint.every=2", "log.every=1", ...settings]; // biome-ignore format: a list
  const args = [...model, ...set.flatMap((each) => ["--set", each]), "--set", `train.steps=${steps}`];
  return siglip(["train", "--preset", "shapes", "--batch", "8", "--shards", "2", ...args, "--out", name]);
}

describe("settings of a resumed run", { timeout: 120_000 }, () => {
  it("that change no bit may change, and are kept", async () => {
    const path = oldRun();
    const { code, stderr } = await resume(path, ["--set", "log.every=5", "--set", "checkpoint.minutes=1"]);
    expect(code, stderr).toBe(0);
    expect(newest(path).sha256).toBe(STEP_6);
    expect(readRun(path).config).toMatchObject({ log: { every: 5 }, checkpoint: { minutes: 1, every: 2 } });
  });

  it("that do are rejected, naming only typed keys", async () => {
    const path = oldRun();
    const { code, stderr } = await resume(path, ["--set", "optim.lr=1", "--set", "log.every=3"]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      "siglip: config: optim.lr: 0.002 → 1: a resumed run keeps this setting; leave it out, or start a new run\n",
    );
    const other = await resume(path, ["--preset", "emoji"]);
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/--preset emoji trains on emoji, this run on shapes; leave it out/);
    expect(readFileSync(join(path, "config.json"))).toEqual(readFileSync(join(FIRST, "config.json")));
  });

  it("extend a run only if completed steps stay the same", async () => {
    const cosine = oldRun();
    const refused = await resume(cosine, ["--set", "train.steps=8"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/train\.steps: 6 → 8: completed steps would have had another learning rate \(optim\.schedule cosine/); // biome-ignore format: one pattern
    expect(refused.stderr.match(/config:/g)).toHaveLength(1);
    expect(newest(cosine).step).toBe(4);

    const folder = temporaryFolder();
    const [short, long] = [join(folder, "short"), join(folder, "long")];
    for (const finished of [await begin(short, 4), await begin(long, 7)])
      expect(finished.code, finished.stderr).toBe(0);
    const longer = await resume(short, ["--set", "train.steps=7"]);
    expect(longer.code, longer.stderr).toBe(0);
    expect(newest(short)).toEqual(newest(long));
    expect(stepsOf(short)).toEqual(stepsOf(long));
    // It can be resumed again, also if all later checkpoints are damaged.
    const folderOf = join(short, "checkpoint");
    for (const name of readdirSync(folderOf))
      if (name.includes("-step-7.safe")) writeFileSync(join(folderOf, name), "");
    const again = await resume(short);
    expect(again.code, again.stderr).toBe(0);
    expect(newest(short)).toEqual(newest(long));
  });

  it("extend a run with schedules of patterns only if theirs stay the same too", async () => {
    const path = join(temporaryFolder(), "run");
    const list = (kind: string) => `optim.schedules=[{"match": "text/head/.*", "kind": "${kind}"}]`;
    const { code, stderr } = await begin(path, 4, [list("linear")]);
    expect(code, stderr).toBe(0);
    const refused = await resume(path, ["--set", "train.steps=7"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/train\.steps: 4 → 7: completed steps would have had another learning rate \(optim\.schedules\["text\/head\/\.\*"\]\.kind linear/); // biome-ignore format: one pattern
    expect(newest(path).step).toBe(4);
    const other = join(temporaryFolder(), "run");
    expect((await begin(other, 4, [list("rsqrt")])).code).toBe(0);
    expect((await resume(other, ["--set", "train.steps=7"])).code).toBe(0);
    expect(newest(other).step).toBe(7);
  });

  it("go to the newest run if --out is missing, and the message says which", async () => {
    const folder = temporaryFolder();
    const resumeHere = (): Promise<Finished> =>
      siglip(["train", "--resume", "--set", "optim.lr=1"], undefined, [], folder);
    expect(await resumeHere()).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/there is no run in runs; name the run to resume with --out/),
    });
    for (const [name, day] of [
      ["a", 1],
      ["z", 3],
      ["m", 2],
    ] as const) {
      // biome-ignore format: a short list
      cpSync(FIRST, join(folder, "runs", name), { recursive: true });
      const date = new Date(2100, 0, day);
      for (const each of ["metrics.jsonl", "checkpoint"]) utimesSync(join(folder, "runs", name, each), date, date);
    }
    const { code, stderr } = await resumeHere();
    expect(code).toBe(2); // the setting is refused for the run that was found
    expect(stderr).toMatch(/^resuming runs\/z, the newest run in runs\nsiglip: config: optim\.lr: 0\.002 → 1/);
  });
});

describe("NaN", { timeout: 120_000 }, () => {
  /** A run whose newest checkpoint holds NaN in one weight, as programs once saved it. */
  function withNaN(name: string): string {
    const path = oldRun();
    const folder = new CheckpointFolder(join(path, "checkpoint"), { keep: 2 });
    const found = folder.load()!;
    const { configDigest } = JSON.parse(readFileSync(join(FIRST, "checkpoint/000002-step-4.manifest.json"), "utf8"));
    (found.tensors.get(name)!.data as Float32Array)[1] = Number.NaN;
    folder.save({ ...found, step: 5 }, configDigest);
    return path;
  }

  it("in the weights of a checkpoint is rejected by every command that reads it, and named", async () => {
    const name = "model/image/patchEmbed/embed/kernel";
    const path = withNaN(name);
    for (const args of [
      ["eval", path],
      ["search", path, "a red circle"],
      ["classify", path, join(import.meta.dirname, "../../docs/learned.png"), "cat", "dog"],
      ["train", "--resume", "--out", path],
    ]) {
      const { code, stdout, stderr } = await siglip(args);
      expect(code, stderr).toBe(65);
      expect(stderr).toContain(`step 5 in ${path} holds NaN or infinity in ${name}`);
      expect(stdout).toBe("");
    }
  });

  it("in a moment alone does not prevent using the weights", async () => {
    const path = withNaN("optimizer/tPrime/m".replace("tPrime", "image/patchEmbed/embed/kernel"));
    expect((await siglip(["eval", path, "--json"])).code).toBe(0);
    expect((await resume(path)).code).toBe(65);
  });

  it("after the weights diverge ends a training and names the good checkpoint and how to use it", async () => {
    const path = oldRun();
    const { config } = readRun(path);
    rmCheckpoints(path);
    // Every step multiplies the kernels by −999 and more: they leave the range of f32 within a few.
    const optim = { ...config.optim, warmup: "0", weightDecay: 1, multipliers: [{ match: ".*", lr: 1, decay: 1000 }] };
    writeConfig(path, { ...config, optim, train: { ...config.train, steps: 40 } });
    const { code, stderr } = await resume(path, ["--devices", "1"]);
    expect(code, stderr).toBe(76);
    expect(stderr).not.toMatch(/ {4}at /);
    expect(stderr).not.toContain("resume with");
    expect(stderr).toMatch(/NonFiniteError: (train|adamW): /);
    expect(stderr).toMatch(/saved before:\n {2}step \d+: intact and finite, mean loss/);
    expect(stderr).toMatch(/start a new run with a lower optim\.lr/);
  });

  function rmCheckpoints(path: string): void {
    const folder = join(path, "checkpoint");
    for (const name of readdirSync(folder)) spawnSync("rm", [join(folder, name)]);
  }
});

describe("a save", { timeout: 120_000 }, () => {
  /** A run too long to finish in a test. */
  function longRun(minutes: number): string {
    const path = oldRun();
    const { config } = readRun(path);
    for (const name of readdirSync(join(path, "checkpoint"))) spawnSync("rm", [join(path, "checkpoint", name)]);
    const train = { ...config.train, steps: 1_000_000 };
    writeConfig(path, { ...config, train, checkpoint: { ...config.checkpoint, every: 1_000_000, minutes }, log: { every: 1000 }, optim: { ...config.optim, schedule: "constant" } }); // biome-ignore format: what differs
    return path;
  }

  it("comes by time, on all devices after the same step, and is reported once it is on the disk", async () => {
    const path = longRun(0.005);
    let said = "";
    const { code, stderr } = await siglip(["train", "--resume", "--out", path, "--devices", "2"], (child) => {
      child.stderr?.on("data", (text) => {
        said += text;
        if (/checkpoint of step \d+ saved[\s\S]*checkpoint of step \d+ saved/.test(said)) child.kill("SIGKILL");
      });
    });
    expect(code, stderr).toBe(null);
    const steps = [...said.matchAll(/checkpoint of step (\d+) saved/g)].map(([, step]) => Number(step));
    expect(newest(path).step).toBeGreaterThanOrEqual(steps[1]);
  });

  it.each([
    ["SIGHUP", 129],
    ["SIGTERM", 143],
  ] as const)("comes with %s, which then ends the run with %i", async (signal, expected) => {
    const path = longRun(100);
    const { code, stderr } = await siglip(["train", "--resume", "--out", path, "--devices", "2"], (child) => {
      whenTraining(child, () => child.kill(signal));
    });
    expect(code, stderr).toBe(expected);
    const { step } = newest(path);
    expect(stderr).toContain(`stopped by ${signal} after step ${step}, which is saved; resume with: npm run -s siglip -- train --resume --out ${path}`); // biome-ignore format: one line
  });
});

it("an impossible run leaves no folder, and is rejected before pictures are rendered", {
  timeout: 60_000,
}, async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "file"), "");
  for (const out of ["", join(folder, "file", "x")]) {
    const { code, stderr } = await siglip(["train", "--preset", "shapes", "--out", out]);
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(/--out/);
    expect(stderr).not.toMatch(/ {4}at /);
  }
  expect(readdirSync(folder)).toEqual(["file"]);
  expect(existsSync("file")).toBe(false);
});
