import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { preprocess, readImage } from "../../src/data/index.ts";
import { huggingFacePreprocessing } from "../../src/data/preprocess/huggingFace.ts";
import { loadModel, saveModel } from "../../src/models/index.ts";
import { embedPictures, embedTexts } from "../../src/run/embed.ts";
import { embedFiles } from "../../src/run/gallery.ts";
import { type OpenModel, openModel } from "../../src/run/openModel.ts";
import { modelOf, openRunToRead } from "../../src/run/runModel.ts";
import { tensor } from "../../src/tensor/index.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { TINY, tinyModel } from "../support/tinyModel.ts";

const TEXTS = ["a photo of a cat", "two dogs"];

/** A copy of a small released model, to be changed. */
function copied(path: string): string {
  const folder = join(temporaryFolder(), "model");
  cpSync(released(path), folder, { recursive: true });
  return folder;
}

function opened(path: string): { readonly model: OpenModel; readonly warnings: string[] } {
  const warnings: string[] = [];
  return { model: openModel(path, (text) => warnings.push(text)), warnings };
}

/** A picture file of 20 × 12 pixels. */
async function picture(): Promise<string> {
  const file = join(temporaryFolder(), "picture.png");
  const data = Uint8Array.from({ length: 20 * 12 * 3 }, (_, i) => (i * 37) % 256);
  await sharp(data, { raw: { width: 20, height: 12, channels: 3 } }).toFile(file);
  return file;
}

describe("an open model of Hugging Face's layout", () => {
  it("embeds texts and images to the bits of the whole model, prepared by the settings beside the weights", async () => {
    const { model, warnings } = opened(released("hf/tiny"));
    const whole = loadModel(released("hf/tiny")).model;
    expect(embedTexts(model, model.tokenizer, TEXTS, model.textLength)).toEqual(
      embedTexts(whole, model.tokenizer, TEXTS, 16),
    );
    const file = await picture();
    const { pixels } = await model.pictures.read(file);
    const settings = JSON.parse(readFileSync(released("hf/tiny/preprocessor_config.json"), "utf8"));
    expect(pixels).toEqual(preprocess(await readImage(file), huggingFacePreprocessing(settings, "")).pixels);
    expect(pixels).toEqual(preprocess(await readImage(file), model).pixels);
    const images = { count: 1, side: 32, pixels: () => pixels };
    expect(embedPictures(model, images)).toEqual(embedPictures(whole, images));
    expect([model.t, model.b]).toEqual([Math.exp(whole.tPrime.value.item()), whole.b.value.item()]);
    expect(warnings).toEqual([]);
  });

  it("keeps a tower that it reads at the first batch for the next ones", () => {
    const { model } = opened(released("hf/tiny"));
    const pixels = (from = 0, end = 300) => new Float32Array((end - from) * 32 * 32 * 3);
    const zimg = embedPictures(model, { count: 300, side: 32, pixels });
    expect(zimg.slice(-model.embedDim)).toEqual(zimg.slice(0, model.embedDim));
    const texts = new Array<string>(300).fill("a cat");
    const ztxt = embedTexts(model, model.tokenizer, texts, model.textLength);
    expect(ztxt.slice(-model.embedDim)).toEqual(ztxt.slice(0, model.embedDim));
  });

  it("reads only the tower that is asked for", () => {
    const folder = copied("hf/tiny");
    const file = join(folder, "model.safetensors");
    const bytes = readFileSync(file);
    const [start, end] = rangeOf(bytes, "vision_model.post_layernorm.weight");
    bytes.fill(0xff, start, end); // NaN
    writeFileSync(file, bytes);
    const { model, warnings } = opened(folder);
    embedTexts(model, model.tokenizer, TEXTS, model.textLength);
    expect(warnings).toEqual([]);
    const images = { count: 1, side: 32, pixels: () => new Float32Array(32 * 32 * 3) };
    expect(() => embedPictures(model, images)).toThrow(/not finite/);
    expect(warnings).toEqual([expect.stringContaining("32 numbers are NaN or infinite")]);
  });

  it("has a fingerprint that changes with weights, tokenizer and preparation, and with nothing else", () => {
    const original = openModel(released("hf/tiny"), () => {}).fingerprint;
    const changed = (name: string, change: (text: string) => string): string => {
      const folder = copied("hf/tiny");
      const file = join(folder, name);
      writeFileSync(file, change(readdirSync(folder).includes(name) ? readFileSync(file, "latin1") : ""), "latin1");
      return openModel(folder, () => {}).fingerprint;
    };
    expect(changed("README.md", () => "a model")).toBe(original);
    expect(changed("preprocessor_config.json", (text) => text.replace('"resample": 3', '"resample": 2'))).not.toBe(
      original,
    );
    expect(changed("tokenizer_config.json", (text) => text.replace("true", "false"))).not.toBe(original);
    expect(changed("model.safetensors", (bytes) => `${bytes.slice(0, -1)}\x00`)).not.toBe(original);
  });

  it("finds the settings of images where transformers 5 stores them with those of all parts", () => {
    const folder = copied("hf/tiny");
    const before = openModel(folder, () => {}).pictures.spec;
    const file = join(folder, "preprocessor_config.json");
    const parts = `{"image_processor": ${readFileSync(file, "utf8")}, "processor_class": "SiglipProcessor"}`;
    writeFileSync(join(folder, "processor_config.json"), parts);
    rmSync(file);
    const { model, warnings } = opened(folder);
    expect(model.pictures.spec).toEqual(before);
    expect(warnings).toEqual([]);
  });

  it("says what is missing or does not fit beside the weights", () => {
    const folder = copied("hf/tiny");
    const preprocessor = join(folder, "preprocessor_config.json");
    writeFileSync(preprocessor, readFileSync(preprocessor, "utf8").replaceAll("32", "48"));
    expect(() => opened(folder).model.pictures).toThrow(/48 × 48 pixels, and the model takes 32 × 32/);
    rmSync(preprocessor);
    const { model, warnings } = opened(folder);
    expect(model.pictures.height).toBe(32);
    expect(warnings).toEqual([expect.stringMatching(/preprocessor_config\.json is missing/)]);
    rmSync(join(folder, "spiece.model"));
    expect(() => opened(folder).model.tokenizer).toThrow(/has no tokenizer/);
    const other = copied("torch/open_clip/v1");
    copyFileSync(released("hf/tiny/spiece.model"), join(other, "spiece.model"));
    expect(() => opened(other).model.tokenizer).toThrow("140 ids, and the model has 40 rows of tokens");
  });
});

/** The bytes of a tensor in a safetensors file. */
function rangeOf(bytes: Buffer, name: string): [number, number] {
  const length = Number(bytes.readBigUInt64LE());
  const { data_offsets: offsets } = JSON.parse(bytes.subarray(8, 8 + length).toString())[name];
  return offsets.map((at: number) => 8 + length + at);
}

describe("an open model", () => {
  it.each([
    ["open-clip", "torch/open_clip/v1"],
    ["big-vision", "torch/open_clip/v1/big_vision.npz"],
  ])("of %s prepares images in −1..1, at its size", async (origin, path) => {
    const { model } = opened(released(path));
    expect([model.origin, model.pictures.height, model.textLength]).toEqual([origin, 16, 8]);
    const { pixels } = await model.pictures.read(await picture());
    expect(pixels.length).toBe(16 * 16 * 3);
    expect([Math.min(...pixels) < -0.5, Math.max(...pixels) > 0.5]).toEqual([true, true]);
  });

  it("of open_clip may take images that are no squares; others are refused as such", async () => {
    const folder = copied("torch/open_clip/v1");
    const file = join(folder, "open_clip_config.json");
    const json = JSON.parse(readFileSync(file, "utf8"));
    const write = (size: unknown, mode: string): void => {
      json.model_cfg.vision_cfg.image_size = size;
      json.preprocess_cfg = { ...json.preprocess_cfg, resize_mode: mode };
      writeFileSync(file, JSON.stringify(json));
    };
    write([8, 32], "squash"); // as many patches as 16 × 16
    const { model } = opened(folder);
    const { height, width } = model.pictures;
    expect([height, width]).toEqual([8, 32]);
    const path = await picture();
    const { pixels } = await model.pictures.read(path);
    const whole = loadModel(folder, { dtype: "f32" }).model;
    const zimg = whole.embedImages(tensor(pixels, [1, height, width, 3])).value.data;
    expect((await embedFiles([path], model, () => {})).zimg).toEqual(zimg);
    write([8, 32], "shortest");
    expect(() => opened(folder).model.pictures).toThrow('"resize_mode" must be "squash" for images of 32 × 8 pixels');
    write([8, 0], "squash");
    expect(() => opened(folder)).toThrow(/image_size is \[8,0\], expected integers from 1/);

    const square = copied("hf/tiny");
    const config = JSON.parse(readFileSync(join(square, "config.json"), "utf8"));
    config.vision_config.image_size = [16, 64];
    writeFileSync(join(square, "config.json"), JSON.stringify(config));
    expect(() => opened(square)).toThrow("expected the side of a square: a SiglipModel has no others");
  });

  it("of saveModel has its tokenizer, and images on white as in training", async () => {
    const folder = join(temporaryFolder(), "saved");
    const config = { ...TINY, text: { ...TINY.text, vocabSize: byteTokenizer.vocabSize } };
    const saved = tinyModel("f32", config);
    saveModel(saved, folder, "siglip-ts", { tokenizer: byteTokenizer });
    const { model } = opened(folder);
    expect(model.origin).toBe("siglip-ts");
    expect(embedTexts(model, model.tokenizer, TEXTS, model.textLength)).toEqual(
      embedTexts(saved, byteTokenizer, TEXTS, TINY.text.length),
    );
    const { pixels } = await model.pictures.read(await picture());
    expect([Math.min(...pixels) >= 0, Math.max(...pixels) > 1]).toEqual([true, true]);
    const image = { data: new Uint8Array(3), width: 1, height: 1 };
    expect(() => preprocess(image, openModel(folder))).toThrow(/trained here; .* by pictures.read/);
  });

  it("of a run is that of its newest checkpoint, with the configuration of its training", () => {
    const path = released("run/first");
    const { model } = opened(path);
    const { config, checkpoint } = openRunToRead(path, () => {});
    const trained = modelOf(config, checkpoint);
    expect([model.origin, model.run]).toEqual(["run", config]);
    expect(embedTexts(model, model.tokenizer, TEXTS, model.textLength)).toEqual(
      embedTexts(trained.model, trained.tokenizer, TEXTS, config.tokenizer.length),
    );
    expect(model.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it("gives probabilities after the sigmoid loss: σ(t·score + b)", () => {
    const { model } = opened(released("hf/tiny"));
    const { name, values } = model.meaning([0.1, -0.2]);
    expect(name).toBe("probability");
    [0.1, -0.2].forEach((score, i) => {
      expect(values[i]).toBeCloseTo(1 / (1 + Math.exp(-(model.t * score + model.b))), 12);
    });
  });

  it("does not exist in an empty folder or at a path without a file", () => {
    expect(() => opened(temporaryFolder())).toThrow(/is not a run folder/);
    expect(() => opened("/nowhere/model")).toThrow("/nowhere/model does not exist; give a run");
  });
});
