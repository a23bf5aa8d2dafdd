/**
 * A trained model in the files that the user chose: a run of `siglip train`, or what `saveModel` and `siglip blend` write; those of
 * other libraries are in released.ts.
 *
 *   run      config.json, and in checkpoint/ the newest <number>-step-<step>.{manifest.json, state.json, safetensors}
 *   saved    model.json, model.safetensors, preprocessor_config.json if images are not prepared as in training here
 */
import { huggingFacePreprocessing } from "../../src/data/preprocess/huggingFace.ts";
import { isPreprocessSpec, type PixelValues } from "../../src/data/preprocess/spec.ts";
import {
  FormatError,
  isJsonRecord,
  type JsonRecord,
  type JsonValue,
  openSafetensors,
  parseJson,
  sizeOf,
  sourceOfBytes,
} from "../../src/formats/index.ts";
import { checkedConfig } from "../../src/models/checkedConfig.ts";
import { checkTensors, readLinks } from "../../src/models/fill.ts";
import { ownTable, parseAbout } from "../../src/models/siglipTsConfig.ts";
import { linksOf } from "../../src/models/table.ts";
import { parametersOf, skipInit } from "../../src/nn/index.ts";
import { type LossName, parameterCount, SigLip, type SigLipConfig, trainingLosses } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { type Tokenizer, tokenizerFromJSON } from "../../src/tokenizers/index.ts";
import { type ChosenFile, fileOf, ModelFilesError, nameOf, type ReadPart } from "./chosen.ts";

/** A model as its files have it. */
export interface StoredModel {
  readonly what: string;
  readonly config: SigLipConfig;
  readonly tokenizer: Tokenizer;
  readonly loss: LossName;
  /** From bytes of an image to its input; undefined for ink, as in training here. */
  readonly values: PixelValues | undefined;
  /** What is doubtful about the files, in sentences. */
  readonly doubts: readonly string[];
  /** Reads the weights. Throws `FormatError` with all tensors that do not fit. */
  readonly model: () => SigLip;
}

const MANIFEST = /^(\d{6,15})-step-\d{1,15}\.manifest\.json$/;
const CHOOSE =
  "choose the folder of a run (config.json and checkpoint/), of a saved model (model.json), or of a SigLIP model of Hugging Face or open_clip with its tokenizer";

/** Reads the model in the chosen files. Throws `ModelFilesError`, `FormatError`, `TokenizerError` and `PreprocessError`. */
export async function readModelFiles(files: readonly ChosenFile[], readPart: ReadPart): Promise<StoredModel> {
  const manifests = files
    .filter((file) => MANIFEST.test(nameOf(file)))
    .sort((one, other) => Number.parseInt(nameOf(other), 10) - Number.parseInt(nameOf(one), 10));
  const isSaved = files.some((file) => nameOf(file) === "model.json");
  if (manifests.length > 0) return readRun(files, nameOf(manifests[0]));
  if (isSaved) return readSaved(files);
  const names = files.map(nameOf);
  if (names.some((name) => name.endsWith(".npz")))
    throw new ModelFilesError("the page does not read npz files of big_vision; siglip convert MODEL FOLDER --to hf writes it as one that it reads"); // biome-ignore format: a line
  const isReleased =
    names.includes("open_clip_config.json") ||
    (names.includes("config.json") && names.some((name) => name.endsWith(".safetensors")));
  if (isReleased) return (await import("./released.ts")).readReleased(files, readPart); // its code comes when it is needed
  if (names.includes("config.json"))
    throw new ModelFilesError("there is a config.json but no checkpoint: the run has saved none yet, or its checkpoint/ was not chosen"); // biome-ignore format: a line
  throw new ModelFilesError(
    `no model in ${files.length === 1 ? "this file" : `these ${files.length} files`}: ${CHOOSE}`,
  );
}

/** The bytes of the file of this name. */
const read = async (files: readonly ChosenFile[], name: string): Promise<Uint8Array> =>
  new Uint8Array(await fileOf(files, name).content.arrayBuffer());

async function requireSame(bytes: Uint8Array, sha256: JsonValue | undefined, name: string): Promise<void> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== sha256) throw new ModelFilesError(`${name} is damaged or of another save: its SHA-256 is not the stated one; copy the files again`); // biome-ignore format: a line
}

const record = (value: JsonValue | undefined, what: string): JsonRecord => {
  if (value !== undefined && isJsonRecord(value)) return value;
  throw new ModelFilesError(`${what} is missing or no object; choose the files as the program wrote them`);
};

async function readSaved(files: readonly ChosenFile[]): Promise<StoredModel> {
  const { config, sha256, tokenizer } = parseAbout(await read(files, "model.json"), "model.json");
  const file = "model.safetensors";
  const weights = await read(files, file);
  await requireSame(weights, sha256, file);
  if (tokenizer === null)
    throw new ModelFilesError("the model was saved without its tokenizer, so it cannot read words; save it with one");
  const images = "preprocessor_config.json";
  const values = files.some((each) => nameOf(each) === images)
    ? huggingFacePreprocessing(parseJson(await read(files, images), images), images).values
    : undefined;
  return {
    ...{ what: "saved model", config, values, loss: "sigmoid", doubts: [] },
    tokenizer: tokenizerFromJSON(tokenizer),
    model: () => modelOf(config, weights, file, ""),
  };
}

async function readRun(files: readonly ChosenFile[], manifest: string): Promise<StoredModel> {
  const { files: listed, step } = record(parseJson(await read(files, manifest), manifest), manifest);
  const entries = (Array.isArray(listed) ? listed : []).map((each) => record(each, `${manifest} /files`));
  const listedFile = async (ending: string): Promise<[string, Uint8Array]> => {
    const entry = entries.find(({ name }) => typeof name === "string" && name.endsWith(ending));
    if (entry === undefined)
      throw new ModelFilesError(`${manifest} names no file *${ending}; the checkpoint is damaged`);
    const bytes = await read(files, entry.name as string);
    await requireSame(bytes, entry.sha256, entry.name as string);
    return [entry.name as string, bytes];
  };
  const tree = record(parseJson(await read(files, "config.json"), "config.json"), "config.json");
  const train = record(tree.train, "config.json /train");
  if (train.objective === "classify")
    throw new ModelFilesError("this run trained an image tower on classes (train.objective=classify), and has no text tower to search with"); // biome-ignore format: a line
  const [state, about] = await listedFile(".state.json");
  const tokenizer = tokenizerFromJSON(record(parseJson(about, state), state).tokenizer);
  const [file, weights] = await listedFile(".safetensors");
  const { data = {} } = tree;
  const config = configOf(tree, tokenizer);
  return {
    ...{ what: `run after ${step} steps`, config, tokenizer, doubts: [] },
    model: () => modelOf(config, weights, file, "model/"),
    loss: Object.hasOwn(trainingLosses, String(train.loss)) ? (train.loss as LossName) : "sigmoid",
    values: valuesOf(isJsonRecord(data) ? data.preprocess : undefined),
  };
}

/** The model of a run's configuration; t and b are parameters, and come with the weights. */
function configOf({ model, tokenizer }: JsonRecord, { vocabSize }: Tokenizer): SigLipConfig {
  const sizes = record(model, "config.json /model");
  const [image, text] = ["image", "text"].map((tower) => record(sizes[tower], `config.json /model/${tower}`));
  const { length } = record(tokenizer, "config.json /tokenizer");
  const config = { ...sizes, image, text: { ...text, vocabSize, length }, temperatureInit: 1, biasInit: 0 };
  return checkedConfig(config as unknown as SigLipConfig, "config.json");
}

/** The values of `data.preprocess`, with which runs start that go on from released weights. */
function valuesOf(text: JsonValue | undefined): PixelValues | undefined {
  if (typeof text !== "string" || text === "none") return undefined;
  const spec: unknown = JSON.parse(text);
  return isPreprocessSpec(spec) ? spec.values : undefined;
}

/** A model of our own layout with the weights of a file, whose parameters begin with `prefix`. Throws `FormatError`. */
function modelOf(config: SigLipConfig, weights: Uint8Array, file: string, prefix: "" | "model/"): SigLip {
  const source = openSafetensors(sourceOfBytes(weights, file));
  const stored = [...source.entries].filter(([name]) => name.startsWith(prefix));
  const numbers = stored.reduce((sum, [, entry]) => sum + sizeOf(entry), 0);
  const { total } = parameterCount(config);
  if (total > 2 * numbers) // before memory is taken
    throw new FormatError("MODEL_MISMATCH", file, 0, `the configuration is of a model of ${total} numbers, but the file has only ${numbers}`); // biome-ignore format: a line
  const model = skipInit(() => new SigLip(new Rng(0), config));
  const parameters = parametersOf(model);
  const shapes = new Map([...parameters].map(([path, { shape }]) => [path, shape]));
  const { links } = linksOf(ownTable(shapes.keys(), prefix), shapes);
  checkTensors(links, source, file, (name) => name.startsWith(prefix)); // a checkpoint also has the optimizer's
  readLinks(links, source, (path) => parameters.get(path)!.value.data);
  return model;
}
