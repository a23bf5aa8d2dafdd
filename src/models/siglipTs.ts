/**
 * Our own layout: every parameter under its path.
 *
 *   model.safetensors   F32, or F64 for a model in f64
 *   model.json          configuration, tokenizer if there is one, SHA-256 of model.safetensors; written last
 *
 * It expresses every model, and images as they are prepared in training here, unless a preprocessor_config.json says otherwise.
 */
import { createHash } from "node:crypto";
import { FormatError, safetensorsPieces } from "../formats/index.ts";
import { type Tokenizer, tokenizerFromJSON } from "../tokenizers/index.ts";
import { jsonFile } from "./fields.ts";
import { diskFolder } from "./files.ts";
import { type ModelFolder, type OpenFile, readJsonFile } from "./folder.ts";
import { HUGGING_FACE_IMAGES, huggingFaceImages } from "./imageSettings.ts";
import type { Layout, LayoutWriter } from "./layout.ts";
import { type About, FORMAT, ownTable, parseAbout, VERSION } from "./siglipTsConfig.ts";
import { openWeights } from "./weights.ts";

const WEIGHTS = "model.safetensors";
const ABOUT = "model.json";
/** Bytes that are hashed at a time. */
const PIECE = 2 ** 24;

/** Our own layout. */
export const siglipTs: Layout & LayoutWriter = {
  name: "siglip-ts",
  prefixes: { image: "image/", text: "text/" },
  resampling: { rule: "zoom" }, // big_vision's
  table: (_, paths) => ownTable(paths),
  recognizes: (names) => names.has(ABOUT),
  open(folder) {
    const { sha256, dtype, config } = aboutIn(folder);
    const weights = openWeights(folder, "model");
    try {
      requireSame(folder.open(WEIGHTS), sha256);
      return { ...weights, dtype, config };
    } catch (error) {
      weights.close();
      throw error;
    }
  },
  unsupported: () => [],
  files(config, tensors, { tokenizer, images }) {
    const hash = createHash("sha256");
    const weights = (function* () {
      for (const piece of safetensorsPieces(tensors)) {
        hash.update(piece);
        yield piece;
      }
    })();
    const about = (function* () {
      const dtype = [...tensors.values()].some((tensor) => tensor.dtype === "F64") ? "f64" : "f32";
      const sha256 = hash.digest("hex"); // of the weights, which are written before
      yield* jsonFile({
        ...{ format: FORMAT, version: VERSION, sha256, dtype, model: config, tokenizer: tokenizer?.toJSON() ?? null },
      });
    })();
    const prepared = images ? [[HUGGING_FACE_IMAGES, jsonFile(huggingFaceImages(images, config))] as const] : [];
    return {
      files: new Map<string, Iterable<Uint8Array>>([[WEIGHTS, weights], ...prepared, [ABOUT, about]]),
      notes: [],
    };
  },
};

/** The tokenizer of a model in our own layout; undefined if it was saved without one. Throws `FormatError` and `TokenizerError`. */
export function savedTokenizer(folder: string): Tokenizer | undefined {
  const { tokenizer } = aboutIn(diskFolder(folder));
  return tokenizer === null ? undefined : tokenizerFromJSON(tokenizer);
}

function aboutIn(folder: ModelFolder): About {
  return parseAbout(readJsonFile(folder.open(ABOUT)), folder.pathOf(ABOUT));
}

/** Throws `FormatError` if a file has another SHA-256. */
function requireSame(file: OpenFile, sha256: string): void {
  try {
    const hash = createHash("sha256");
    for (let at = 0; at < file.size; at += PIECE) hash.update(file.read(at, Math.min(at + PIECE, file.size)));
    if (hash.digest("hex") === sha256) return;
    const detail = `its SHA-256 differs from the one in ${ABOUT}; copy both files again`;
    throw new FormatError("MODEL_FILE", file.name, 0, detail);
  } finally {
    file.close();
  }
}
