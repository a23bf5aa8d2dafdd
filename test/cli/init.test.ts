/** Runs that start from trained weights: all of them, or a locked image tower and its embeddings. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CheckpointFolder } from "../../src/run/checkpoint.ts";
import { sha256OfWeights, weightsOf } from "../../src/run/weights.ts";
import { type Finished, interrupted, siglip, TINY, TINY_MODEL } from "../support/cli.ts";
import { paintEmoji } from "../support/paintedEmoji.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "siglip-init-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);

async function done(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  const finished = await siglip(args, undefined, [], undefined, env);
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}

/** SHA-256 of the newest weights of a run whose path begins with `begin`. */
function weights(name: string, begin = ""): string {
  const checkpoint = new CheckpointFolder(join(at(name), "checkpoint"), { keep: 2 }).load();
  return sha256OfWeights(weightsOf(checkpoint!), begin);
}

const stepsOf = (name: string): number[] =>
  readFileSync(join(at(name), "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line).step); // biome-ignore format: one path

describe("siglip train --init", { timeout: 120_000 }, () => {
  const from = (): string[] => ["train", "--preset", "shapes", "--init", at("parent"), "--set", "train.batch=16"];
  beforeAll(() => done(["train", ...TINY, "--set", "train.steps=6", "--seed", "3", "--out", at("parent")]), 120_000);

  it("starts from the weights of a run at step 0, also on another number of devices", async () => {
    await done([...from(), "--set", "train.steps=1", "--set", "optim.warmup=1 steps", "--out", at("untrained")]);
    expect(existsSync(join(at("untrained"), "init.json"))).toBe(false); // the data is the same: there is nothing else to test
    expect(weights("untrained")).toBe(weights("parent")); // the first step of a warm-up has a learning rate of 0
    await done([...from(), "--set", "train.steps=4", "--devices", "1", "--out", at("one")]);
    await done([...from(), "--set", "train.steps=4", "--devices", "2", "--out", at("two")]);
    expect(weights("one")).toBe(weights("two"));
    expect(weights("one")).not.toBe(weights("parent"));
  });

  it("does not need the other run to resume, also if it was killed before its first save", async () => {
    const args = [...from(), "--set", "train.steps=100", "--set", "checkpoint.every=1000", "--set", "log.every=1"];
    expect((await interrupted([...args, "--out", at("interrupted")])).code).toBe(130);
    expect((await interrupted([...args, "--out", at("killed")], "SIGKILL")).code).toBe(null);
    await done([...args, "--out", at("straight")]);
    renameSync(at("parent"), at("gone"));
    for (const name of ["killed", "interrupted"]) {
      await done(["train", "--resume", "--out", at(name)]);
      expect(weights(name)).toBe(weights("straight"));
      expect(stepsOf(name)).toEqual(stepsOf("straight"));
    }
    renameSync(at("gone"), at("parent"));
  });

  it("with --lock image keeps the image tower and trains a new text tower, on new drawings too", async () => {
    const args = [...from(), "--lock", "image", "--set", "model.text.width=48", "--set", "train.steps=5"];
    await done([...args, "--out", at("locked")]);
    expect(weights("locked", "image/")).toBe(weights("parent", "image/"));
    const config = JSON.parse(readFileSync(join(at("locked"), "config.json"), "utf8"));
    expect(config).toMatchObject({ train: { lock: "image", init: weights("parent", "image/") } });
    expect(config.model).toMatchObject({ image: { width: 32 }, text: { width: 48 }, embedDim: 32 });
    expect(existsSync(join(at("locked"), "embeddings.safetensors"))).toBe(false);
    const { stdout } = await done(["eval", at("locked"), "--json"]);
    expect(JSON.parse(stdout).step).toBe(5);
  });

  it.each([
    ["a folder that is no run", () => ["--init", folder], 2, /is not a run folder/],
    ["a setting that contradicts the weights", () => ["--init", at("parent"), "--set", "model.image.width=64"], 2, /has 32, not 64 \(image\/.*leave this setting out/],
    ["the same in a dry run", () => ["--init", at("parent"), "--set", "model.embedDim=64", "--dry-run"], 2, /model\.embedDim: .* has 32, not 64/],
    ["another lock", () => ["--init", at("parent"), "--lock", "text"], 2, /train\.lock = "text": expected one of none, image/],
    ["a lock without --init", () => ["--lock", "image"], 2, /name that run with --init/],
    ["the preset of a locked tower without --init", () => ["--preset", "emoji-siglit"], 2, /name that run with --init/],
    ["embeddings without a lock", () => ["--embeddings", "x.safetensors"], 2, /--embeddings is for a locked image tower/],
    ["embeddings of images that are drawn anew", () => ["--init", at("parent"), "--lock", "image", "--embeddings", "x.safetensors"], 2, /images that are the same in every step/],
    ["--init of a resumed run", () => ["--resume", "--out", at("parent"), "--init", at("parent")], 2, /leave it out/],
  ])("refuses %s, and leaves no folder", async (_, options, expected, says) => {
    const before = readdirSync(folder);
    const args = options();
    const where = args.includes("--out") ? [] : ["--out", at("refused")];
    const { code, stderr } = await siglip(["train", "--preset", "shapes", ...where, ...args]);
    expect(code, stderr).toBe(expected);
    expect(stderr).toMatch(says);
    expect(readdirSync(folder)).toEqual(before);
  }); // biome-ignore format: a case a line
});

describe("embeddings of a locked image tower", { timeout: 240_000 }, () => {
  const env = (): Record<string, string> => ({ SIGLIP_CACHE: at("cache") });
  const short = ["--set", "train.steps=12", "--set", "train.batch=64", "--set", "log.every=1", "--shards", "2"];
  const embed = (out: string) => ["embed", at("tower"), "--out", at(out)];
  const siglit = (out: string, ...more: string[]) => [
    ...["train", "--preset", "emoji-siglit", "--set", "data.name=emoji-unseen", "--init", at("tower")],
    ...["--out", at(out), ...short, ...more],
  ];

  beforeAll(async () => {
    await paintEmoji(at("cache"), ["noto", "twemoji", "fluent", "openmoji"]);
    const unstroked = ["--set", "data.strokeProbability=0"]; // outlined emoji are not painted
    await done(
      ["train", "--preset", "emoji-unseen", ...TINY_MODEL, ...unstroked, ...short, "--out", at("tower")],
      env(),
    );
  }, 240_000);

  it("are written by siglip embed, which continues after a kill, in the form that a run computes for itself", async () => {
    const killed = siglip(
      embed("all.safetensors"),
      (child) => child.stderr?.on("data", (text) => /4096 of/.test(String(text)) && child.kill("SIGKILL")),
      [],
      undefined,
      env(),
    );
    expect((await killed).code).toBe(null);
    expect(existsSync(at("all.safetensors"))).toBe(false);
    const { stderr } = await done(embed("all.safetensors"), env());
    expect(stderr).not.toMatch(/4096 of/); // the first part is kept
    const { stdout } = await done([...embed("all.safetensors"), "--json"], env());
    expect(JSON.parse(stdout)).toMatchObject({ count: 4302, width: 32, tower: weights("tower", "image/") });
    await done(siglit("computed"), env());
    await done(siglit("given", "--devices", "1", "--embeddings", at("all.safetensors")), env());
    const [file, own] = [at("all.safetensors"), join(at("computed"), "embeddings.safetensors")].map((path) =>
      readFileSync(path),
    );
    expect(own.equals(file)).toBe(true);
    expect(weights("given")).toBe(weights("computed"));
    expect(weights("given", "image/")).toBe(weights("tower", "image/"));
  });

  it("are in the run's folder, from which it is resumed; they are computed again if they are gone", async () => {
    const stopped = await interrupted(siglit("resumed", "--set", "train.steps=100"), "SIGINT", env());
    expect(stopped.code, stopped.stderr).toBe(130);
    cpSync(at("resumed"), at("again"), { recursive: true });
    rmSync(join(at("again"), "embeddings.safetensors"));
    for (const name of ["resumed", "again"]) await done(["train", "--resume", "--out", at(name)], env());
    expect(weights("again")).toBe(weights("resumed"));
    expect(readdirSync(at("resumed")).sort()).toEqual(readdirSync(at("again")).sort());
  });

  it.each([
    ["in another order", ["--set", "data.trainStyles=noto,fluent,twemoji"], /its images are in another order/],
    ["not there", ["--embeddings", "no.safetensors"], /there is no such file/],
  ])("are refused if they are %s, before a folder is made", async (_, options, says) => {
    await done([...embed("all.safetensors")], env());
    const args = siglit("refused", "--embeddings", at("all.safetensors"), ...options);
    const { code, stderr } = await siglip(args, undefined, [], undefined, env());
    expect(code, stderr).toBe(65);
    expect(stderr).toMatch(says);
    expect(existsSync(at("refused"))).toBe(false);
  });
});

it("siglip embed refuses a data set that draws new images in every step", { timeout: 120_000 }, async () => {
  await done(["train", ...TINY, "--set", "train.steps=1", "--out", at("drawn")]);
  const { code, stderr } = await siglip(["embed", at("drawn"), "--out", at("drawn.safetensors")]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/shapes draws new images in every step/);
});
