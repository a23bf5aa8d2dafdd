/** Commands on released models, and on what `convert` makes of a run: from files and words to numbers. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNpy, readSafetensors } from "../../src/formats/index.ts";
import { embedTexts, openModel } from "../../src/run/index.ts";
import { siglip } from "../support/cli.ts";
import { released } from "../support/released.ts";

const folder = mkdtempSync(join(tmpdir(), "siglip-models-"));
const at = (name: string): string => join(folder, name);
const MODEL = released("hf/tiny");

beforeAll(async () => {
  mkdirSync(at("pictures"));
  for (const [i, background] of ["red", "green", "blue"].entries()) {
    await sharp({ create: { width: 40, height: 30, channels: 3, background } }).toFile(at(`pictures/${i}.png`));
  }
  copyFileSync(at("pictures/1.png"), at("green.png"));
  writeFileSync(at("pictures/notes.txt"), "no picture");
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await siglip(args);
  expect(code, stderr).toBe(0);
  return { stdout, stderr };
}

describe("siglip", { timeout: 60_000 }, () => {
  it("info MODEL says what a model is", async () => {
    const { stdout } = await run("info", MODEL, "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ layout: "hugging-face", imageSize: 32, patchSize: 8, width: 32, embedDim: 32 },
      ...{
        textLength: 16,
        vocabSize: 140,
        parameters: 57634,
        t: expect.closeTo(8.0938, 3),
        b: expect.closeTo(-2.978, 3),
      },
    });
    expect((await run("info", MODEL)).stdout).toMatch(/^model .*tiny \(hugging-face\), 57,634 parameters$/m);
  });

  it("embed writes rows in the order given, as npy, safetensors and JSON lines", async () => {
    await run("embed", MODEL, "--images", at("green.png"), at("pictures"), "--out", at("x.npy"));
    const { shape, data } = readNpy(readFileSync(at("x.npy")), "x.npy");
    expect(shape).toEqual([4, 32]);
    expect(data.slice(0, 32)).toEqual(data.slice(64, 96)); // green, among red, green, blue
    expect(data.slice(0, 32)).not.toEqual(data.slice(32, 64));

    writeFileSync(at("texts.txt"), "a cat\ntwo dogs\n");
    const { stdout } = await run("embed", MODEL, "--texts", at("texts.txt"), "--out", at("x.safetensors"), "--json");
    expect(JSON.parse(stdout)).toEqual({ file: at("x.safetensors"), texts: 2, width: 32 });
    writeFileSync(at("table.csv"), "picture,text\n1.png,a cat\n");
    const table = await siglip(["embed", MODEL, "--texts", at("table.csv"), "--out", at("table.npy")]);
    expect(table.stderr).toMatch(/^warning: embed: each line of .*table\.csv is a text, with its header/m);
    const model = openModel(MODEL, () => {});
    const { tensors } = readSafetensors(readFileSync(at("x.safetensors")), "x");
    expect([...tensors.values()].map(({ data }) => data)).toEqual([
      embedTexts(model, model.tokenizer, ["a cat", "two dogs"], 16),
    ]);
  });

  it("embed writes nothing if a row is missing, over a file, or without a known ending", async () => {
    writeFileSync(at("cut.png"), readFileSync(at("green.png")).subarray(0, 50));
    for (const [images, out, exit, message] of [
      [[at("green.png"), at("cut.png")], "y.npy", 65, /cut\.png has no row, so none was written/],
      [[at("green.png")], "green.png", 2, /ends in \.npy, \.safetensors, \.jsonl/],
      [[at("green.png")], "here.npy", 2, /exists and is not replaced/],
    ] as const) {
      writeFileSync(at("here.npy"), "");
      const { code, stdout, stderr } = await siglip(["embed", MODEL, "--images", ...images, "--out", at(out)]);
      expect([code, stdout]).toEqual([exit, ""]);
      expect(stderr).toMatch(message);
      expect(existsSync(at("y.npy"))).toBe(false);
    }
  });

  it("classify prints rank and probability of every label for every picture, and why they do not sum to 1", async () => {
    const labels = ["--labels", "a cat, two dogs,a Cat!", "--template", "a photo of {}", "--template", "{}"];
    const { stdout, stderr } = await run("classify", MODEL, at("pictures"), at("green.png"), ...labels, "--json");
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ picture }) => picture)).toEqual([
      ...[0, 1, 2].map((i) => at(`pictures/${i}.png`)),
      at("green.png"),
    ]);
    for (const { results } of lines) {
      expect(results.map(({ rank }: { rank: number }) => rank)).toEqual([1, 2, 3]);
      expect(results.map(({ text }: { text: string }) => text).sort()).toEqual(["a Cat!", "a cat", "two dogs"]);
    }
    expect(lines[3].results).toEqual(lines[1].results);
    expect(stderr).toContain('"a cat" and "a Cat!" are the same tokens to the model');
    const table = (await run("classify", MODEL, at("green.png"), "a cat", "two dogs")).stdout;
    expect(table).toMatch(/^ {2}1 {2}.*\n {2}2 {2}.*probability 0\.\d{4}\neach probability .* need not sum to 1/);
  });

  it("search finds pictures of a folder, and says of what model it has no test pictures", async () => {
    const { stdout } = await run("search", MODEL, "a cat", at("pictures"), "--json");
    expect(JSON.parse(stdout)).toMatchObject({ query: "a cat", pictures: 3, skipped: { text: 1 } });
    const { code, stderr } = await siglip(["search", MODEL, "a cat"]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/is no run, so it has no test pictures/)]);
  });

  it("convert gives a model that answers the same, and writes over nothing", async () => {
    const { stdout } = await run("convert", MODEL, at("oc"), "--to", "open-clip", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ from: "hugging-face", to: "open-clip", tensors: 74 });
    const answers = await Promise.all(
      [MODEL, at("oc")].map((model) => run("classify", model, at("green.png"), "a cat", "two dogs", "--json")),
    );
    expect(answers[1].stdout).toBe(answers[0].stdout);
    const again = await siglip(["convert", MODEL, at("oc"), "--to", "hf"]);
    expect([again.code, again.stdout]).toEqual([2, ""]);
    expect(again.stderr).toMatch(/oc exists; save the model into a folder that does not/);
  });

  it("eval, embed of training images and --init say what to do with a model that is no run", async () => {
    for (const args of [
      ["eval", MODEL],
      ["embed", MODEL, "--out", at("z.safetensors")],
    ]) {
      const { code, stderr } = await siglip(args);
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/not a run: use classify, search, or embed with --images/),
      ]);
    }
    const { code, stderr } = await siglip(["train", "--init", MODEL, "--dry-run"]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/released weights take images as photographs, .* with --data PATH/),
    ]);
  });
});
