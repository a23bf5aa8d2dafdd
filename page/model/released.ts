/**
 * Models of other libraries in the files that the user chose: Hugging Face and open_clip. Loaded when one is chosen.
 *
 *   Hugging Face   config.json, model.safetensors (or shards with their index)
 *   open_clip      open_clip_config.json, open_clip_model.safetensors
 *
 * Beside them a tokenizer: spiece.model, tokenizer.model, sentencepiece.model or tokenizer.json. Files of big_vision would take 6 kB more
 * of compressed code.
 */
import { preprocessingBeside } from "../../src/data/preprocess/beside.ts";
import { huggingFace } from "../../src/models/huggingFace.ts";
import { loadLayout } from "../../src/models/loadLayout.ts";
import { openClip } from "../../src/models/openClip.ts";
import { tokenizerIn, tokenizerNames } from "../../src/run/tokenizerFolder.ts";
import { SigLip, sidesOf } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { type ChosenFile, folderOf, ModelFilesError, type ReadPart } from "./chosen.ts";
import type { StoredModel } from "./files.ts";

/** open_clip first, since its folders may have a config.json too. */
const LIBRARIES = [
  { library: "open_clip", layout: openClip, preprocessing: "open-clip" },
  { library: "Hugging Face", layout: huggingFace, preprocessing: "hugging-face" },
] as const;

/** The model in the chosen files. Throws `ModelFilesError`, `FormatError`, `TokenizerError` and `PreprocessError`. */
export function readReleased(files: readonly ChosenFile[], readPart: ReadPart): StoredModel {
  const folder = folderOf(files, readPart);
  const found = LIBRARIES.find(({ layout }) => layout.recognizes(folder.names));
  if (found === undefined) throw new ModelFilesError("no model of another library");
  const { library, layout, preprocessing } = found;
  const opened = layout.open(folder);
  const { config } = opened;
  opened.close();
  const doubts: string[] = [];
  const warn = (doubt: string): number => doubts.push(doubt);
  const names = tokenizerNames(folder);
  const tokenizerFile = names.find((name) => folder.names.has(name));
  if (tokenizerFile === undefined)
    throw new ModelFilesError(`the model has no tokenizer, so it cannot read words; choose ${names.join(" or ")} too`);
  return {
    what: `model of ${library}`,
    config,
    tokenizer: tokenizerIn(folder, tokenizerFile, warn),
    loss: "sigmoid",
    values: preprocessingBeside(folder, preprocessing, sidesOf(config.image), warn)?.spec.values,
    doubts,
    model: () => loadLayout(layout, folder, { dtype: "f32" }, "", () => new SigLip(new Rng(0), config)).module,
  };
}
