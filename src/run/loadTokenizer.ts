/**
 * Loads the tokenizer of a model from a folder or file: of a run, of a saved model, or of SigLIP and SigLIP 2 as Hugging Face and big_vision
 * store them (tokenizerFolder.ts).
 */
import { basename, dirname } from "node:path";
import { savedTokenizer } from "../models/index.ts";
import { type Tokenizer, TokenizerError } from "../tokenizers/index.ts";
import { filesOnDisk, isFolder } from "./filesOnDisk.ts";
import { openRunToRead } from "./runModel.ts";
import { lengthIn, tokenizerIn, tokenizerNames } from "./tokenizerFolder.ts";
import { tokenizerOf } from "./trainingState.ts";

/**
 * The tokenizer of a folder or file; `warn` receives what is doubtful: damaged checkpoints of a run, texts that are read in another way
 * than a model was trained on.
 *
 * Throws `TokenizerError` if none is there, and `FormatError` for a malformed file or one that needs what is not supported.
 */
export function loadTokenizer(path: string, warn: (message: string) => void = console.warn): Tokenizer {
  if (!isFolder(path)) return tokenizerIn(filesOnDisk(dirname(path)), basename(path), warn);
  const folder = filesOnDisk(path);
  if (folder.names.has("model.json")) {
    const tokenizer = savedTokenizer(path);
    if (tokenizer !== undefined) return tokenizer;
    throw new TokenizerError(
      `${path} was saved without its tokenizer; save it with saveModel(model, folder, "siglip-ts", { tokenizer })`,
    );
  }
  const files = tokenizerNames(folder);
  const name = files.find((each) => folder.names.has(each));
  if (name !== undefined) return tokenizerIn(folder, name, warn);
  if (folder.names.has("checkpoint")) return tokenizerOf(openRunToRead(path, warn).checkpoint);
  throw new TokenizerError(`${path} has no tokenizer: expected a run, a saved model, or ${files.join(", ")}`);
}

/** The length that tokenizer_config.json states for texts, if it states one. */
export const statedLength = (folder: string): number | undefined => lengthIn(filesOnDisk(folder));
