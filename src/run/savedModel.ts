/**
 * Saves a trained model in a folder, to load it in a program:
 *
 *   model.safetensors   every parameter by its path, F32 (F64 for a model in f64)
 *   model.json          configuration, tokenizer if given, SHA-256 of model.safetensors; written last
 *
 * Both files are written durably, into a new or empty folder.
 */
import { join } from "node:path";
import { FormatError, isJsonRecord, type JsonRecord, type JsonValue, parseJson, readSafetensors, type SafetensorsTensor, writeSafetensors } from "../formats/index.ts"; // biome-ignore format: one line
import { NonFiniteError, parametersOf } from "../nn/index.ts";
import { checkModel, parameterCount, SigLip, type SigLipConfig } from "../siglip/index.ts";
import { type DType, Rng, sameShape, show } from "../tensor/index.ts";
import { type Tokenizer, tokenizerFromJSON } from "../tokenizers/index.ts";
import { sha256 } from "./checkpoint.ts";
import { type Fs, makeFolders, realFs, utf8, writeDurably } from "./fs.ts";
import { RunFolderError } from "./runFolder.ts";
import { firstNonFinite } from "./trainingState.ts";

/** A model loaded from a folder. */
export interface SavedModel {
  readonly model: SigLip;
  /** Undefined if the model was saved without one. */
  readonly tokenizer: Tokenizer | undefined;
}

const FORMAT = "siglip-ts model";
const VERSION = 1;
const WEIGHTS = "model.safetensors";
const ABOUT = "model.json";

/**
 * Saves a model and optionally its tokenizer in a new or empty folder.
 *
 * Throws `RunFolderError` if the folder is not empty, and `NonFiniteError` if a parameter is not finite.
 */
export function saveModel(folder: string, model: SigLip, tokenizer?: Tokenizer, fs: Fs = realFs): void {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [path, { value }] of parametersOf(model)) {
    const { shape } = value;
    const tensor: SafetensorsTensor =
      value.dtype === "f64"
        ? { dtype: "F64", shape, data: Float64Array.from(value.data) }
        : { dtype: "F32", shape, data: Float32Array.from(value.data) };
    tensors.set(path, tensor);
  }
  const bad = firstNonFinite(tensors);
  if (bad !== undefined) throw new NonFiniteError(`saveModel: ${bad} holds NaN or infinity; nothing was written`);
  makeFolders(fs, folder);
  if (fs.list(folder).length > 0) throw new RunFolderError(`${folder} is not empty; save the model into a new folder`);
  const weights = writeSafetensors(tensors);
  writeDurably(fs, join(folder, WEIGHTS), weights);
  const about = { format: FORMAT, version: VERSION, sha256: sha256(weights), dtype: model.tPrime.value.dtype, model: model.config, tokenizer: tokenizer?.toJSON() ?? null }; // biome-ignore format: one line
  writeDurably(fs, join(folder, ABOUT), utf8(`${JSON.stringify(about, null, 2)}\n`));
}

/** Whether a folder holds a model saved by `saveModel`, or a part of one. */
export const isSavedModel = (folder: string, fs: Fs = realFs): boolean =>
  fs.isFolder(folder) && fs.list(folder).includes(ABOUT);

/**
 * Loads a model saved by `saveModel`.
 *
 * Throws `RunFolderError` if there is none, `FormatError` for damaged or foreign files, `ModelConfigError` for an invalid
 * configuration, and `TokenizerError`.
 */
export function loadModel(folder: string, fs: Fs = realFs): SavedModel {
  const file = join(folder, ABOUT);
  for (const name of [ABOUT, WEIGHTS]) {
    if (fs.isFolder(folder) && fs.list(folder).includes(name)) continue;
    throw new RunFolderError(`${folder} is not a saved model: ${join(folder, name)} does not exist`);
  }
  const about = aboutOf(parseJson(fs.read(file), file), file);
  const weights = join(folder, WEIGHTS);
  const bytes = fs.read(weights);
  if (sha256(bytes) !== about.sha256) {
    throw new FormatError(
      "MODEL_FILE",
      weights,
      0,
      `its SHA-256 differs from the one in ${ABOUT}; copy both files again`,
    );
  }
  const config = about.model as unknown as SigLipConfig;
  checkModel(config);
  const { tensors } = readSafetensors(bytes, weights);
  const [counted, expected] = [countNumbers(tensors), parameterCount(config).total];
  // Before the model is built: a wrong configuration may need any amount of memory.
  if (counted > 2 * expected || expected > 2 * counted) {
    const detail = `it has ${counted} numbers, and the model of ${ABOUT} has ${expected}`;
    throw new FormatError("MODEL_FILE", weights, 0, detail);
  }
  const model = new SigLip(new Rng(0), config, about.dtype);
  fill(model, tensors, weights);
  return { model, tokenizer: about.tokenizer === null ? undefined : tokenizerFromJSON(about.tokenizer) };
}

/** The tokenizer of a saved model, without its weights; undefined if the model was saved without one. */
export function savedTokenizer(folder: string, fs: Fs = realFs): Tokenizer | undefined {
  const file = join(folder, ABOUT);
  const { tokenizer } = aboutOf(parseJson(fs.read(file), file), file);
  return tokenizer === null ? undefined : tokenizerFromJSON(tokenizer);
}

interface About {
  readonly sha256: string;
  readonly dtype: DType;
  readonly model: JsonRecord;
  readonly tokenizer: JsonValue;
}

function aboutOf(record: JsonValue, file: string): About {
  const wrong = (detail: string): FormatError => new FormatError("MODEL_FILE", file, 0, detail);
  if (!isJsonRecord(record) || record.format !== FORMAT) throw wrong(`expected "format": "${FORMAT}"`);
  const { version, sha256: hash, dtype, model, tokenizer } = record;
  if (version !== VERSION) throw wrong(`version ${String(version)} is unknown; this program reads version ${VERSION}`);
  if (typeof hash !== "string" || (dtype !== "f32" && dtype !== "f64") || tokenizer === undefined) {
    throw wrong('expected "sha256", "dtype" f32 or f64, and "tokenizer"');
  }
  if (!isJsonRecord(model) || !isJsonRecord(model.image) || !isJsonRecord(model.text)) {
    throw wrong('expected "model" with "image" and "text"');
  }
  return { sha256: hash, dtype, model, tokenizer };
}

function countNumbers(tensors: ReadonlyMap<string, SafetensorsTensor>): number {
  let count = 0;
  for (const { data } of tensors.values()) count += data.length;
  return count;
}

/** Overwrites every parameter. Throws `FormatError` with all mismatches before it changes anything. */
function fill(model: SigLip, tensors: ReadonlyMap<string, SafetensorsTensor>, file: string): void {
  const parameters = parametersOf(model);
  const problems = [...tensors.keys()]
    .filter((name) => !parameters.has(name))
    .map((name) => `${name} is not a parameter`);
  for (const [path, { shape, value }] of parameters) {
    const found = tensors.get(path);
    if (!found) problems.push(`${path} ${show(shape)} is missing`);
    else if (!sameShape(found.shape, shape)) problems.push(`${path} is ${show(found.shape)}, not ${show(shape)}`);
    else if (found.dtype !== value.dtype.toUpperCase()) problems.push(`${path} is ${found.dtype}, not ${value.dtype}`);
  }
  if (problems.length > 0) throw new FormatError("MODEL_FILE", file, 0, problems.join("; "));
  for (const [path, { value }] of parameters) value.data.set(tensors.get(path)!.data as Float32Array);
}
