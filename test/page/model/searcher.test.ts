/** Models from the user's disk, opened by what the page opens them with: `page/model/files.ts` and `searcher.ts`. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Atlas, CELL } from "../../../page/atlas/atlas.ts";
import type { ChosenFile, ReadPart } from "../../../page/model/chosen.ts";
import { readModelFiles, type StoredModel } from "../../../page/model/files.ts";
import { picturesFor, Searcher } from "../../../page/model/searcher.ts";
import { picturesOf, UNSEEN } from "../../../page/train/data.ts";
import { saveModel } from "../../../src/models/index.ts";
import { parametersOf } from "../../../src/nn/index.ts";
import type { SigLip } from "../../../src/siglip/index.ts";
import { byteTokenizer, trainBpe } from "../../../src/tokenizers/index.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { TINY, tinyModel } from "../../support/tinyModel.ts";
import { readAtlas } from "../atlas.ts";
import { saveRun } from "./savedRun.ts";

let atlas: Atlas;
beforeAll(async () => {
  atlas = await readAtlas();
});

const bytesOf = new Map<Blob, Uint8Array>();
/** What `FileReaderSync` does in a browser. */
const readPart: ReadPart = (content, begin, end) => bytesOf.get(content)!.slice(begin, end);
const opened = (files: readonly ChosenFile[]): Promise<StoredModel> => readModelFiles(files, readPart);

function chosenFile(path: string, bytes: Uint8Array<ArrayBuffer>): ChosenFile {
  const content = new Blob([bytes]);
  bytesOf.set(content, bytes);
  return { path, content };
}

/** What a browser gives for a chosen folder. */
const filesIn = (folder: string): ChosenFile[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return chosenFile(`chosen${path.slice(folder.length)}`, Uint8Array.from(readFileSync(path)));
    });

const numbersOf = (model: SigLip): number[][] =>
  [...parametersOf(model).values()].map(({ value }) => Array.from(value.data));

const messageOf = (files: readonly ChosenFile[]): Promise<string> =>
  opened(files).then(
    () => expect.fail("it was read"),
    ({ name, message }: Error) => `${name}: ${message}`,
  );

describe("a run", () => {
  it("is opened with the weights of its newest checkpoint and finds what they find", async () => {
    const folder = join(temporaryFolder(), "run");
    const { config, model, tokenizer } = saveRun(folder);
    const stored = await opened(filesIn(folder));
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
    const [best] = new Searcher(atlas, await opened(filesIn(folder))).search("bear", 1);
    expect(best.similarity).toBeLessThanOrEqual(1 + 1e-6);
    expect("probability" in best).toBe(false);
  });

  it("may be chosen as files without their folders", async () => {
    const folder = join(temporaryFolder(), "run");
    const { model } = saveRun(folder);
    const flat = filesIn(folder).map(({ path, content }) => ({ path: path.slice(path.lastIndexOf("/") + 1), content }));
    expect(numbersOf((await opened(flat)).model())).toEqual(numbersOf(model));
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
    const stored = await opened(filesIn(folder));
    expect(numbersOf(stored.model())).toEqual(numbersOf(model));
    expect(stored.values).toBeUndefined();
    expect(new Searcher(atlas, stored).search("bear", 3).length).toBe(3);
  });

  it("without a tokenizer, and no model at all, are refused", async () => {
    expect(await messageOf(filesIn(saved({}).folder))).toMatch(/saved without its tokenizer/);
    expect(await messageOf([{ path: "cat.png", content: new Blob([]) }])).toMatch(/no model in this file/);
    expect(await messageOf([{ path: "siglip.npz", content: new Blob([]) }])).toMatch(
      /does not read npz.*siglip convert/,
    );
  });

  it("gets images in the numbers of its preprocessing", async () => {
    const images = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], interpolation: "bicubic", antialias: true } as const;
    const stored = await opened(filesIn(saved({ tokenizer, images }).folder));
    const pixels = picturesFor(atlas, stored).pixels();
    expect(pixels[0]).toBe(1); // the white of a corner
    expect(Math.min(...pixels)).toBeGreaterThanOrEqual(-1);
    expect(Math.min(...pixels)).toBeLessThan(-0.9); // black outlines
  });
});

describe.each(["hugging-face", "open-clip"] as const)("a model of another library, %s", (layout) => {
  const tokenizer = trainBpe(["brown bear", "red heart"], 300);
  const { image, text } = TINY;
  const config = { ...TINY, embedDim: image.width, text: { ...text, vocabSize: tokenizer.vocabSize } };
  const images = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], interpolation: "bicubic", antialias: true } as const;
  const saved = (beside: Parameters<typeof saveModel>[3]): { files: ChosenFile[]; model: SigLip } => {
    const folder = join(temporaryFolder(), "model");
    const model = tinyModel("f32", config);
    saveModel(model, folder, layout, beside);
    return { files: filesIn(folder), model };
  };

  it("is opened with its weights, tokenizer and preprocessing, and finds pictures", async () => {
    const { files, model } = saved({ tokenizer, images });
    const stored = await opened(files);
    expect(numbersOf(stored.model())).toEqual(numbersOf(model));
    expect(stored.tokenizer.encode("red heart", text.length)).toEqual(tokenizer.encode("red heart", text.length));
    const pixels = picturesFor(atlas, stored).pixels(0, 1);
    expect(pixels[0]).toBeCloseTo(2, 6); // white: (1 − 0.5) / 0.25
    const done: number[] = [];
    expect(new Searcher(atlas, stored, (count) => done.push(count)).search("bear", 8).length).toBe(8);
    expect(done).toEqual([0, 256, 512]);
  });

  it("is refused without a tokenizer, and if tensors are missing, with their names", async () => {
    expect(await messageOf(saved({}).files)).toMatch(/ModelFilesError: the model has no tokenizer/);
    if (layout !== "hugging-face") return;
    const { files } = saved({ tokenizer });
    const configFile = files.find(({ path }) => path.endsWith("/config.json"))!;
    const tree = JSON.parse(new TextDecoder().decode(bytesOf.get(configFile.content)));
    const other = (change: object): ChosenFile[] => {
      const bytes = new TextEncoder().encode(JSON.stringify({ ...tree, ...change }));
      return files.map((file) => (file === configFile ? chosenFile(file.path, bytes) : file));
    };
    expect(await messageOf(other({ model_type: "siglip2" }))).toMatch(/FormatError: .*NaFlex/);
    const deeper = await opened(other({ text_config: { ...tree.text_config, num_hidden_layers: 3 } }));
    expect(() => deeper.model()).toThrow(/text_model\.encoder\.layers\.2\..* is missing/);
  });
});

it("pictures of the page's own size are those that its training is tested on", () => {
  const model = { config: { ...TINY, image: { ...TINY.image, imageSize: CELL } }, values: undefined };
  expect(picturesFor(atlas, model).pixels(0, 5)).toEqual(picturesOf(atlas, UNSEEN).pixels(0, 5));
});
