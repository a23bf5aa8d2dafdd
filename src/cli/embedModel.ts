/** `siglip embed MODEL --images` or `--texts`: embeddings of your own images or texts in a file for other programs. */
import { existsSync } from "node:fs";
import { dirname, extname } from "node:path";
import { PictureError } from "../data/index.ts";
import { printable } from "../formats/index.ts";
import {
  checkTexts,
  EMBEDDING_ENDINGS,
  type Embedded,
  embedTexts,
  isFolder,
  type OpenModel,
  openModel,
  readTexts,
  writeEmbeddingFile,
} from "../run/index.ts";
import { chooseKernels, type KernelMode } from "../tensor/index.ts";
import { givenPictures } from "./givenPictures.ts";
import { print, warn } from "./print.ts";
import { usageError } from "./usageError.ts";

export interface EmbedModelOptions {
  readonly out: string;
  readonly images?: readonly string[];
  readonly texts?: string;
  readonly json?: boolean;
  readonly devices?: string;
  readonly deadline?: string;
  readonly kernels?: KernelMode;
}

export async function embedModel(
  path: string,
  { out, images, texts, json = false, devices, deadline, kernels = "fast" }: EmbedModelOptions,
): Promise<void> {
  checkOut(out);
  if (devices !== undefined || deadline !== undefined) {
    throw usageError("--devices", "--devices and --deadline are for the training images of a run; leave them out");
  }
  chooseKernels(kernels);
  if (images && texts !== undefined)
    throw usageError("--images", "--images and --texts are two files; call embed twice");
  const model = openModel(path, warn);
  const embedded = images ? await imageRows(model, images) : textRows(model, texts!);
  writeEmbeddingFile(out, embedded);
  const { kind, names, width } = embedded;
  if (json) print(JSON.stringify({ file: out, [`${kind}s`]: kind === "file" ? names : names.length, width }));
  else print(printable(`${names.length.toLocaleString("en")} embeddings of width ${width}: ${out}`));
}

/** A row for each file that is named, in their order; those of a folder by name. Throws `PictureError` for one that cannot be read. */
async function imageRows(model: OpenModel, paths: readonly string[]): Promise<Embedded> {
  const { names, zimg: rows } = await givenPictures("embed", paths, model);
  const known = new Set(names);
  const missing = paths.find((path) => !known.has(path) && !isFolder(path));
  if (missing !== undefined) {
    throw new PictureError(
      `embed: ${printable(missing)} has no row, so none was written; leave it out, or name its folder`,
      "missing",
    );
  }
  return { rows, width: model.embedDim, kind: "file", names };
}

function textRows(model: OpenModel, file: string): Embedded {
  if (/\.[ct]sv$/i.test(file))
    warn(`embed: each line of ${printable(file)} is a text, with its header and all columns`);
  const names = readTexts(file);
  const { tokenizer, textLength } = model;
  for (const warning of checkTexts("embed: the text", tokenizer, names, textLength)) warn(warning);
  return { rows: embedTexts(model, tokenizer, names, textLength), width: model.embedDim, kind: "text", names };
}

function checkOut(out: string): void {
  if (!EMBEDDING_ENDINGS.includes(extname(out))) {
    throw usageError("--out", `--out ${out}: name a file that ends in ${EMBEDDING_ENDINGS.join(", ")}`);
  }
  if (existsSync(out)) throw usageError("--out", `--out ${out} exists and is not replaced; name another file`);
  if (!existsSync(dirname(out)))
    throw usageError("--out", `--out ${out}: there is no folder ${dirname(out)}; make it first`);
}
