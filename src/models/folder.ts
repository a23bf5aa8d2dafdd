/** The files of a model by name, wherever they are: in a folder of the disk (files.ts), or chosen in a page. Needs nothing of Node. */
import { type ByteSource, FormatError } from "../formats/index.ts";

/** Most bytes of a JSON file: an index of 100,000 tensors has 10 MB. */
const MAX_JSON = 64 * 2 ** 20;

/** A file whose bytes are read by position. */
export interface OpenFile extends ByteSource {
  close(): void;
}

/** The files of a model. */
export interface ModelFolder {
  /** For messages. */
  readonly path: string;
  /** Names of the files that count. */
  readonly names: ReadonlySet<string>;
  /** The path of a file, for messages. */
  pathOf(name: string): string;
  /** Opens one of the files. Throws `FormatError` and errors of the medium. */
  open(name: string): OpenFile;
}

/** All bytes of a JSON file. */
export function readJsonFile(file: OpenFile): Uint8Array {
  try {
    if (file.size > MAX_JSON) {
      throw new FormatError("JSON_SYNTAX", file.name, 0, `${file.size} bytes of JSON; at most ${MAX_JSON} are read`);
    }
    return file.read(0, file.size);
  } finally {
    file.close();
  }
}
