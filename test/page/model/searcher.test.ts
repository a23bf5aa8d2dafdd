/** Models from the user's disk, opened by what the page opens them with: `page/model/files.ts` and `searcher.ts`. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Atlas, CELL } from "../../../page/atlas/atlas.ts";
import { type ChosenFile, readModelFiles } from "../../../page/model/files.ts";
import { modelOf, picturesFor, Searcher } from "../../../page/model/searcher.ts";
import { picturesOf, UNSEEN } from "../../../page/train/data.ts";
import { saveModel } from "../../../src/models/index.ts";
import { parametersOf } from "../../../src/nn/index.ts";
import type { SigLip } from "../../../src/siglip/index.ts";
import { byteTokenizer } from "../../../src/tokenizers/index.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { TINY, tinyModel } from "../../support/tinyModel.ts";
import { readAtlas } from "../atlas.ts";
import { saveRun } from "./savedRun.ts";

let atlas: Atlas;
beforeAll(async () => {
  atlas = await readAtlas();
});

/** What a browser gives for a chosen folder. */
const filesIn = (folder: string): ChosenFile[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return { path: `chosen${path.slice(folder.length)}`, content: new Blob([readFileSync(path)]) };
    });

const numbersOf = (model: SigLip): number[][] =>
  [...parametersOf(model).values()].map(({ value }) => Array.from(value.data));

const messageOf = (files: readonly ChosenFile[]): Promise<string> =>
  readModelFiles(files).then(
    () => expect.fail("it was read"),
    ({ name, message }: Error) => `${name}: ${message}`,
  );

describe("a run", () => {
  it("is opened with the weights of its newest checkpoint and finds what they find", async () => {
    const folder = join(temporaryFolder(), "run");
    const { config, model, tokenizer } = saveRun(folder);
    const stored = await readModelFiles(filesIn(folder));
    expect(stored.what).toBe("run after 5 steps");
    expect(stored.tokenizer.toJSON()).toEqual(tokenizer.toJSON());
    const searcher = new Searcher(atlas, stored);
    expect(numbersOf(searcher.model)).toEqual(numbersOf(model));
    const side = config.model.image.imageSize;
    expect(side).not.toBe(CELL);
    const found = searcher.search("brown bear", 8);
    expect(found.length).toBe(8);
    expect(new Set(found.map(({ item }) => item)).size).toBe(8);
    for (const { similarity, probability } of found) {
      const t = Math.exp(model.tPrime.value.item());
      expect(probability).toBeCloseTo(1 / (1 + Math.exp(-(t * similarity - 5))), 6);
    }
    expect(found.map(({ similarity }) => similarity)).toEqual(
      found.map(({ similarity }) => similarity).sort((x, y) => y - x),
    );
  });

  it("that learned with softmax gives similarities without probabilities", async () => {
    const folder = join(temporaryFolder(), "run");
    saveRun(folder, ["train.loss=softmax"]);
    const [best] = new Searcher(atlas, await readModelFiles(filesIn(folder))).search("bear", 1);
    expect(best.similarity).toBeLessThanOrEqual(1 + 1e-6);
    expect("probability" in best).toBe(false);
  });

  it("may be chosen as files without their folders", async () => {
    const folder = join(temporaryFolder(), "run");
    const { model } = saveRun(folder);
    const flat = filesIn(folder).map(({ path, content }) => ({ path: path.slice(path.lastIndexOf("/") + 1), content }));
    expect(numbersOf(modelOf(await readModelFiles(flat)))).toEqual(numbersOf(model));
  });

  it("with a flipped bit, a missing file or two models is refused by name", async () => {
    const folder = join(temporaryFolder(), "run");
    saveRun(folder);
    const files = filesIn(folder);
    const weights = files.find(({ path }) => path.endsWith("-step-5.safetensors"))!;
    const bytes = new Uint8Array(await weights.content.arrayBuffer());
    bytes[bytes.length - 1] ^= 1;
    const damaged = files.map((file) => (file === weights ? { ...file, content: new Blob([bytes]) } : file));
    expect(await messageOf(damaged)).toMatch(/ModelFilesError: 000002-step-5\.safetensors is damaged/);
    expect(await messageOf(files.filter((file) => file !== weights))).toMatch(/000002-step-5\.safetensors is missing/);
    const twice = [...files, ...files.map((file) => ({ ...file, path: `other/${file.path}` }))];
    expect(await messageOf(twice)).toMatch(
      /is there 2 times: chosen\/.*, other\/chosen\/.*; choose the folder of one model/,
    );
  });

  it("without a checkpoint, and one of classes, are refused with the reason", async () => {
    const folder = join(temporaryFolder(), "run");
    saveRun(folder);
    const files = filesIn(folder);
    expect(await messageOf(files.filter(({ path }) => !path.includes("checkpoint")))).toMatch(/has saved none yet/);
    const tree = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    writeFileSync(
      join(folder, "config.json"),
      JSON.stringify({ ...tree, train: { ...tree.train, objective: "classify" } }),
    );
    expect(await messageOf(filesIn(folder))).toMatch(/no text tower/);
    writeFileSync(join(folder, "config.json"), JSON.stringify({ ...tree, model: { ...tree.model, embedDim: "wide" } }));
    expect(await messageOf(filesIn(folder))).toMatch(/FormatError: .*config\.json/);
  });
});

describe("a saved model", () => {
  const tokenizer = byteTokenizer;
  const config = { ...TINY, text: { ...TINY.text, vocabSize: tokenizer.vocabSize } };
  const saved = (beside: Parameters<typeof saveModel>[3]): { folder: string; model: SigLip } => {
    const folder = join(temporaryFolder(), "model");
    const model = tinyModel("f32", config);
    saveModel(model, folder, "siglip-ts", beside);
    return { folder, model };
  };

  it("is opened with its weights and tokenizer", async () => {
    const { folder, model } = saved({ tokenizer });
    const stored = await readModelFiles(filesIn(folder));
    expect(numbersOf(modelOf(stored))).toEqual(numbersOf(model));
    expect(stored.values).toBeUndefined();
    expect(new Searcher(atlas, stored).search("bear", 3).length).toBe(3);
  });

  it("without a tokenizer, or of another library, is refused", async () => {
    expect(await messageOf(filesIn(saved({}).folder))).toMatch(/saved without its tokenizer/);
    const blob = new Blob([]);
    const other = ["config.json", "model.safetensors"].map((path) => ({ path, content: blob }));
    expect(await messageOf(other)).toMatch(/of another library/);
    expect(await messageOf([{ path: "cat.png", content: blob }])).toMatch(/no model in this file/);
  });

  it("gets images in the numbers of its preprocessing", async () => {
    const images = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], interpolation: "bicubic", antialias: true } as const;
    const stored = await readModelFiles(filesIn(saved({ tokenizer, images }).folder));
    const pixels = picturesFor(atlas, stored).pixels();
    expect(pixels[0]).toBe(1); // the white of a corner
    expect(Math.min(...pixels)).toBeGreaterThanOrEqual(-1);
    expect(Math.min(...pixels)).toBeLessThan(-0.9); // black outlines
  });
});

it("pictures of the page's own size are those that its training is tested on", () => {
  const model = { config: { ...TINY, image: { ...TINY.image, imageSize: CELL } }, values: undefined };
  expect(picturesFor(atlas, model).pixels(0, 5)).toEqual(picturesOf(atlas, UNSEEN).pixels(0, 5));
});
