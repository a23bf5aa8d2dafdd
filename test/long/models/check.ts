/**
 * Small models with random weights, end to end beside the libraries that they come from, and ours in those libraries.
 *
 *   words, JPEGs and PNGs → probabilities      models that transformers and open_clip have written
 *   pixels and ids → logits                    all of them, and one of ours, saved in each layout and read by its library
 *
 * big_vision is no package on PyPI; `test/parity/bigVision` has what it gives.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { l2Normalize, noGrad } from "../../../src/autograd/index.ts";
import { writeSafetensors } from "../../../src/formats/index.ts";
import { type LayoutName, saveModel } from "../../../src/models/index.ts";
import { type OpenModel, openModel } from "../../../src/run/index.ts";
import { pairLogits, SigLip } from "../../../src/siglip/index.ts";
import { permute, Rng, scope, tensor } from "../../../src/tensor/index.ts";
import { encodeAll } from "../../../src/tokenizers/index.ts";

const SCRIPT = fileURLToPath(new URL("originals.py", import.meta.url));
const FIXTURES = fileURLToPath(new URL("../../fixtures/hf", import.meta.url));

/** Largest differences: a few times those that were seen. Ids and pixels must be equal. */
const BOUNDS = { logit: 1e-5, probability: 1e-6 };

const TEXTS = [
  "a photo of a red cat",
  "A Dog, sleeping!",
  "two old boats under the bridge",
  "isn't it: 50% & more?",
  "naïve élan  über   Größe",
  "猫 と 犬",
  "",
  "a very long text about a quiet river and a wooden house beside a broken window, of which the end is cut off",
];

/** Sides of the pictures. */
const SIZES = [
  [97, 61],
  [32, 32],
  [40, 150],
  [640, 480],
  [20, 17],
] as const;

type Library = "transformers" | "open_clip";
interface Request {
  readonly name: string;
  readonly library: Library;
  readonly folder: string;
  readonly images?: readonly string[];
  readonly texts?: readonly string[];
  readonly inputs?: string;
}
/** What a library gives, or we do. */
interface Answer {
  readonly ids: number[][];
  readonly pixels: number[][][][];
  readonly logits: number[][];
}

/** A comparison: the differences, 0 where there is nothing to compare. */
interface Row {
  readonly name: string;
  readonly ids: number;
  readonly pixels: number;
  readonly logit: number;
  readonly probability: number;
}

const NEEDS = "torch, transformers, open_clip_torch, timm, torchvision, sentencepiece, ftfy and pillow < 13";
const QUIET = { TRANSFORMERS_VERBOSITY: "error", TQDM_DISABLE: "1", HF_HUB_OFFLINE: "1" };

/** Prints the table of differences; whether all bounds hold. Says so and passes if Python or a package is missing. */
export async function checkModels(python: string | undefined): Promise<boolean> {
  if (python === undefined) {
    console.log(`models: skipped; --python PATH names a Python with ${NEEDS}`);
    return true;
  }
  const folder = mkdtempSync(join(tmpdir(), "siglip-originals-"));
  try {
    const run = (...args: string[]): string =>
      execFileSync(python, [SCRIPT, ...args], { encoding: "utf8", stdio: "pipe", env: { ...process.env, ...QUIET } });
    const versions = run("write", FIXTURES, folder).trim().split("\n").at(-1)!;
    console.log(`${versions.replaceAll(/[{}"]/g, "")}; Node ${process.versions.node}`);
    const images = await pictures(join(folder, "pictures"));
    const requests: { readonly request: Request; readonly ours: Answer }[] = [];
    for (const [name, library] of [
      ["siglip", "transformers"],
      ["siglip2", "transformers"],
      ["open_clip", "open_clip"],
    ] as const) {
      const path = join(folder, name);
      const model = openModel(path, (warning) => console.log(`warning: ${warning}`));
      const ours = await fromFiles(model, images);
      requests.push({
        request: { name: `${name}: files to logits`, library, folder: path, images, texts: TEXTS },
        ours,
      });
      requests.push(...inLibraries(name, model.model, folder));
    }
    requests.push(...inLibraries("ours", ownModel(), folder));
    const [asked, answered] = [join(folder, "requests.json"), join(folder, "answers.json")];
    writeFileSync(asked, JSON.stringify(requests.map(({ request }) => request)));
    run("answer", asked, answered);
    const answers = JSON.parse(readFileSync(answered, "utf8")) as Answer[];
    const rows = requests.map(({ request, ours }, i) => compared(request.name, ours, answers[i]));
    console.log(table(rows));
    return rows.every(holds);
  } catch (error) {
    const missing = /^ModuleNotFoundError: (.*)$/m.exec(String((error as { stderr?: string }).stderr))?.[1];
    if (missing === undefined) throw error;
    console.log(`models: skipped; ${python}: ${missing}; it needs ${NEEDS}`);
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** JPEGs, and a PNG with alpha, of smooth noise. */
async function pictures(folder: string): Promise<string[]> {
  mkdirSync(folder);
  const rng = new Rng(1);
  const files = SIZES.map(async ([width, height], i) => {
    const raw = Uint8Array.from({ length: 8 * 6 * 3 }, () => rng.integer(256));
    const noise = sharp(raw, { raw: { width: 8, height: 6, channels: 3 } }).resize(width, height, { fit: "fill" });
    const file = join(folder, i === 1 ? "1.png" : `${i}.jpg`);
    await (i === 1 ? noise.ensureAlpha(0.3).png() : noise.jpeg({ quality: 85 })).toFile(file);
    return file;
  });
  return Promise.all(files);
}

/** From files and words, as the commands do it. */
async function fromFiles(model: OpenModel, images: readonly string[]): Promise<Answer> {
  const { height, width } = model.pictures;
  const read = await Promise.all(images.map((file) => model.pictures.read(file)));
  const pixels = Float32Array.from(read.flatMap((each) => [...each.pixels]));
  const ids = encodeAll(model.tokenizer, TEXTS, model.textLength);
  return answerOf(model.model, pixels, [images.length, height, width], ids, model.textLength);
}

/** Logits of a model; embeddings are normalized without ε, as the libraries do. */
function answerOf(
  model: SigLip,
  pixels: Float32Array,
  [count, height, width]: readonly [number, number, number],
  ids: Int32Array,
  length: number,
): Answer {
  return scope(() =>
    noGrad(() => {
      const images = tensor(pixels, [count, height, width, 3]);
      const zimg = l2Normalize(model.image.forward(images), 0);
      const ztxt = l2Normalize(model.text.forward(ids), 0);
      return {
        ids: tensor(ids, [ids.length / length, length]).toNested() as number[][],
        pixels: permute(images, [0, 3, 1, 2]).toNested() as number[][][][],
        logits: pairLogits(zimg, ztxt, model.tPrime, model.b).value.toNested() as number[][],
      };
    }),
  );
}

/** A model of ours, with other sizes than those of the libraries. */
function ownModel(): SigLip {
  const tower = { width: 48, mlpDim: 96, gelu: "erf" } as const;
  return new SigLip(new Rng(7), {
    image: { ...tower, depth: 3, numHeads: 6, imageSize: 24, patchSize: 6, pooling: "map", posEmb: "learn" },
    text: { ...tower, depth: 2, numHeads: 4, vocabSize: 50, length: 9, pooling: "last" },
    ...{ embedDim: 48, temperatureInit: 10, biasInit: -3 },
  });
}

/** A model saved for each library, with inputs on which both are compared. */
function inLibraries(name: string, model: SigLip, folder: string) {
  const { image, text } = model.config;
  const side = image.imageSize as number;
  const rng = new Rng(5);
  const pixels = Float32Array.from({ length: 4 * side * side * 3 }, () => rng.between(-1, 1));
  const ids = Int32Array.from({ length: 6 * text.length }, () => rng.integer(text.vocabSize));
  const ours = answerOf(model, pixels, [4, side, side], ids, text.length);
  const inputs = join(folder, `${name}.safetensors`);
  const nchw = Float32Array.from(ours.pixels.flat(3));
  const tensors = new Map([
    ["pixels", { dtype: "F32", shape: [4, 3, side, side], data: nchw }],
    ["ids", { dtype: "I32", shape: [6, text.length], data: ids }],
  ] as const);
  writeFileSync(inputs, writeSafetensors(tensors));
  const layouts: readonly (readonly [LayoutName, Library])[] = [
    ["hugging-face", "transformers"],
    ["open-clip", "open_clip"],
  ];
  return layouts.map(([layout, library]) => {
    const saved = join(folder, `${name} as ${layout}`);
    saveModel(model, saved, layout);
    const request: Request = { name: `${name}: saved for ${library}`, library, folder: saved, inputs };
    return { request, ours: { ...ours, pixels: [] } };
  });
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function compared(name: string, ours: Answer, theirs: Answer): Row {
  const difference = (a: readonly number[], b: readonly number[]): number =>
    a.length === b.length ? a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0) : Number.POSITIVE_INFINITY;
  const [a, b] = [ours.logits.flat(), theirs.logits.flat()];
  return {
    name,
    ids: difference(ours.ids.flat(), theirs.ids.flat()),
    pixels: difference(ours.pixels.flat(3), theirs.pixels.flat(3)),
    logit: difference(a, b),
    probability: difference(a.map(sigmoid), b.map(sigmoid)),
  };
}

const holds = ({ ids, pixels, logit, probability }: Row): boolean =>
  ids === 0 && pixels === 0 && logit <= BOUNDS.logit && probability <= BOUNDS.probability;

function table(rows: readonly Row[]): string {
  const line = (row: Row): string => {
    const figures = [row.ids, row.pixels, row.logit, row.probability].map((x) => (x === 0 ? "0" : x.toExponential(1)));
    return `${row.name.padEnd(36)}${figures.map((each) => each.padStart(12)).join("")}  ${holds(row) ? "ok" : "MISSED"}`;
  };
  const head = `${"largest difference of".padEnd(36)}${["ids", "pixels", "logits", "probability"].map((each) => each.padStart(12)).join("")}`;
  return [head, ...rows.map(line)].join("\n");
}
