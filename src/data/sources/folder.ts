/**
 * A folder of images: each with its captions in a file beside it, or with the name of its folder as caption.
 *
 *   tom.jpg, tom.txt          captions (captions.ts)
 *   cats/tom.jpg              "cats", if no image of the folder has a file beside it
 *   train/..., test/...       splits, at the top
 */
import { dirname, relative, sep } from "node:path";
import { FormatError } from "../../formats/index.ts";
import { readBytes } from "../pictureBytes.ts";
import { PictureError } from "../pictureError.ts";
import { CAPTION_EXTENSIONS, captionsOf } from "./captions.ts";
import { type BadRow, IMAGE_NAME, type Row, type Source, type Split, splitNamed } from "./row.ts";

const withoutExtension = (file: string): string => file.replace(/\.[^./\\]*$/, "");

/** A folder whose images have captions in files beside them; undefined if none has. `files` are all files in it. */
export function captionedFolder(folder: string, files: readonly string[]): Source | undefined {
  const images = files.filter((file) => IMAGE_NAME.test(file));
  const captions = captionFiles(files);
  if (!images.some((image) => captions.has(withoutExtension(image)))) return undefined;
  const owned = new Set(images.map(withoutExtension));
  const alone = [...captions].filter(([name]) => !owned.has(name)).map(([, file]) => relative(folder, file));
  return {
    title: "a folder with captions beside the images",
    notes: alone.length > 0 ? [`without an image beside them, so left out: ${few(alone)}`] : [],
    async *rows() {
      for (const image of images) yield await captioned(folder, image, captions.get(withoutExtension(image)));
    },
  };
}

/** The caption file of each name without extension. */
function captionFiles(files: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const extension of CAPTION_EXTENSIONS) {
    for (const file of files) {
      if (!file.toLowerCase().endsWith(`.${extension}`)) continue;
      const name = withoutExtension(file);
      if (!found.has(name)) found.set(name, file);
    }
  }
  return found;
}

async function captioned(folder: string, image: string, file: string | undefined): Promise<Row | BadRow> {
  const name = relative(folder, image);
  if (file === undefined) return { where: name, reason: "it has no caption; write it into a .txt file beside it" };
  try {
    const found = captionsOf(await readBytes(file), relative(folder, file));
    return { where: name, name, ...found, split: splitOf(name), read: () => readBytes(image) };
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof PictureError)) throw error;
    return { where: name, reason: error.message };
  }
}

/** A folder of folders, whose names are the captions of the images in them; undefined if no image is in a folder of its own. */
export function classFolders(folder: string, files: readonly string[]): Source | undefined {
  const images = files.filter((file) => IMAGE_NAME.test(file));
  const labelled = images.map((image) => ({ image, label: labelOf(relative(folder, image)) }));
  if (!labelled.some(({ label }) => label !== undefined)) return undefined;
  const classes = new Set(labelled.map(({ label }) => label).filter((label) => label !== undefined));
  return {
    title: `a folder of ${classes.size} ${classes.size === 1 ? "class" : "classes"}, whose names are the captions`,
    notes: [],
    async *rows() {
      for (const { image, label } of labelled) {
        const name = relative(folder, image);
        if (label === undefined) yield { where: name, reason: "it is in no folder of a class" };
        else yield { where: name, name, texts: [label], split: splitOf(name), read: () => readBytes(image) };
      }
    },
  };
}

/** The name of the folder that an image lies in, without a folder of a split; its marks between words are spaces. */
function labelOf(name: string): string | undefined {
  const folders = dirname(name).split(sep);
  if (splitNamed(folders[0]) !== undefined) folders.shift();
  const label = folders.at(-1);
  return label === undefined || label === "." ? undefined : label.replace(/[_-]+/g, " ").trim();
}

/** The split that the outermost folder of a path names. */
export const splitOf = (name: string): Split | undefined =>
  name.includes(sep) ? splitNamed(name.slice(0, name.indexOf(sep))) : undefined;

const SHOWN = 5;

const few = (names: readonly string[]): string =>
  `${names.slice(0, SHOWN).join(", ")}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ""}`;
