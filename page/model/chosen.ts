/** The files that the user chose, as folders of models are read: by name, and by position in each. */
import type { NamedFiles } from "../../src/data/preprocess/beside.ts";
import type { ModelFolder } from "../../src/models/folder.ts";

/** A file that the user chose; without a folder the path is its name. */
export interface ChosenFile {
  readonly path: string;
  readonly content: Blob;
}

/** The chosen files are no model that the page can search with; the message says why, and what to choose. */
export class ModelFilesError extends Error {
  override readonly name = "ModelFilesError";
}

/** Reads bytes of a file at once: in a worker by `FileReaderSync`. */
export type ReadPart = (content: Blob, begin: number, end: number) => Uint8Array;

export const nameOf = ({ path }: ChosenFile): string => path.slice(path.lastIndexOf("/") + 1);

/** The file of this name. */
export function fileOf(files: readonly ChosenFile[], name: string): ChosenFile {
  const found = files.filter((file) => nameOf(file) === name);
  if (found.length === 1) return found[0];
  if (found.length === 0) throw new ModelFilesError(`${name} is missing; choose all files of the model`);
  throw new ModelFilesError(`${name} is there ${found.length} times: ${found.map(({ path }) => path).join(", ")}; choose the folder of one model`); // biome-ignore format: a line
}

/** The files as a folder. A name that is there twice is refused when it is opened. */
export function folderOf(files: readonly ChosenFile[], readPart: ReadPart): ModelFolder & NamedFiles {
  return {
    path: "the chosen files",
    names: new Set(files.map(nameOf)),
    pathOf: (name) => name,
    read(name) {
      const { content } = fileOf(files, name);
      return readPart(content, 0, content.size);
    },
    open(name) {
      const { content } = fileOf(files, name);
      return {
        name,
        size: content.size,
        read(begin, end, buffer) {
          const part = readPart(content, begin, end);
          if (buffer === undefined) return part;
          const copy = new Uint8Array(buffer, 0, part.length);
          copy.set(part);
          return copy;
        },
        close() {},
      };
    },
  };
}
