/**
 * Models of other libraries in the files that the user chose: Hugging Face, open_clip, big_vision. Loaded when one is chosen.
 *
 *   Hugging Face   config.json, model.safetensors (or shards with their index)
 *   open_clip      open_clip_config.json, open_clip_model.safetensors
 *   big_vision     one .npz
 *
 * Beside them a tokenizer: spiece.model, tokenizer.model, sentencepiece.model or tokenizer.json.
 */
import { preprocessingBeside } from "../../src/data/preprocess/beside.ts";
import { loadLayout } from "../../src/models/loadLayout.ts";
import { RELEASED } from "../../src/models/releasedLayouts.ts";
import { tokenizerIn, tokenizerNames } from "../../src/run/tokenizerFolder.ts";
import { SigLip, sidesOf } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { type ChosenFile, folderOf, ModelFilesError, type ReadPart } from "./chosen.ts";
import type { StoredModel } from "./files.ts";

const LIBRARIES = { "hugging-face": "Hugging Face", "open-clip": "open_clip", "big-vision": "big_vision" };

/** The model in the chosen files. Throws `ModelFilesError`, `FormatError`, `TokenizerError` and `PreprocessError`. */
export function readReleased(files: readonly ChosenFile[], readPart: ReadPart): StoredModel {
  const folder = folderOf(files, readPart);
  const layout = RELEASED.find((each) => each.recognizes(folder.names));
  if (layout === undefined || layout.name === "siglip-ts") throw new ModelFilesError("no model of another library");
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
    what: `model of ${LIBRARIES[layout.name]}`,
    config,
    tokenizer: tokenizerIn(folder, tokenizerFile, warn),
    loss: "sigmoid",
    values: preprocessingBeside(folder, layout.name, sidesOf(config.image), warn)?.spec.values,
    doubts,
    model: () => loadLayout(layout, folder, { dtype: "f32" }, "", () => new SigLip(new Rng(0), config)).module,
  };
}
