/** What model.json says in our own layout, and where its parameters are: needs nothing of Node, so that a page reads it too. */
import { FormatError, isJsonRecord, type JsonRecord, type JsonValue, parseJson } from "../formats/index.ts";
import type { SigLipConfig } from "../siglip/index.ts";
import type { DType } from "../tensor/index.ts";
import { checkedConfig } from "./checkedConfig.ts";
import { asHere, type Table } from "./table.ts";

export const FORMAT = "siglip-ts model";
export const VERSION = 1;

/** The contents of model.json. */
export interface About {
  /** Of model.safetensors. */
  readonly sha256: string;
  readonly dtype: DType;
  readonly config: SigLipConfig;
  /** null if the model was saved without one. */
  readonly tokenizer: JsonValue;
}

/** Reads a model.json; `file` is for messages. Throws `FormatError`. */
export function parseAbout(bytes: Uint8Array, file: string): About {
  const record = parseJson(bytes, file);
  const wrong = (detail: string): FormatError => new FormatError("MODEL_CONFIG", file, 0, detail);
  if (!isJsonRecord(record) || record.format !== FORMAT) throw wrong(`expected "format": "${FORMAT}"`);
  const { version, sha256, dtype, model, tokenizer } = record;
  if (version !== VERSION) throw wrong(`version ${String(version)} is unknown; this program reads version ${VERSION}`);
  if (typeof sha256 !== "string" || (dtype !== "f32" && dtype !== "f64") || tokenizer === undefined) {
    throw wrong('expected "sha256", "dtype" f32 or f64, and "tokenizer"');
  }
  if (!isJsonRecord(model) || !isJsonRecord(model.image) || !isJsonRecord(model.text)) {
    throw wrong('expected "model" with "image" and "text"');
  }
  return { sha256, dtype, config: checkedConfig(model as JsonRecord & SigLipConfig, file), tokenizer };
}

/** Every parameter under its path, which may follow a `prefix`: checkpoints of runs have `model/`. */
export const ownTable = (paths: Iterable<string>, prefix = ""): Table =>
  Object.fromEntries(
    [...paths].map((path) => {
      const name = path.replace(/\/blocks\/\d+\//, "/blocks/*/");
      return [name, asHere(prefix + name, path === "tPrime" || path === "b" ? () => [] : undefined)];
    }),
  );
