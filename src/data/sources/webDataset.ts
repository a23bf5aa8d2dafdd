/**
 * WebDataset: tar archives whose members belong together if their names are equal up to the first dot.
 *
 *   0001.jpg 0001.txt   0002.png 0002.json   ...
 *
 * A sample is an image and a member with captions (captions.ts), in any order and at any place in its archive. Names are only keys.
 */
import { type ByteSource, FormatError, readTar, type TarMember } from "../../formats/index.ts";
import { CAPTION_EXTENSIONS, captionsOf } from "./captions.ts";
import { fileBytes, gunzipped } from "./fileBytes.ts";
import { type BadRow, IMAGE_NAME, type Row, type Source } from "./row.ts";

/** The name up to the first dot of its last part, and the extension in lower case. */
function partsOf(name: string): { readonly key: string; readonly extension: string } {
  const from = name.lastIndexOf("/") + 1;
  const dot = name.indexOf(".", from);
  if (dot < 0) return { key: name, extension: "" };
  return { key: name.slice(0, dot), extension: name.slice(dot + 1).toLowerCase() };
}

/** Members of one sample by extension; one that was there before is a reason not to use it. */
interface Sample {
  readonly members: Map<string, TarMember>;
  reason?: string;
}

/** Opens an archive. */
export const webDataset = (path: string, name: string): Source => ({
  title: "a WebDataset",
  notes: [],
  async *rows() {
    yield* rowsOf(path, name);
  },
});

function* rowsOf(path: string, name: string): Generator<Row | BadRow> {
  const file = fileBytes(path, name);
  const isGzip = file.size > 1 && file.read(0, 2).join() === "31,139";
  const source = isGzip ? gunzipped(file) : file;
  const samples = new Map<string, Sample>();
  for (const member of readTar(source)) {
    const where = `${name}, ${member.name}`;
    if ("skipped" in member) {
      yield { where, reason: `${member.skipped}, which is skipped` };
      continue;
    }
    const { key, extension } = partsOf(member.name);
    const sample: Sample = samples.get(key) ?? { members: new Map() };
    samples.set(key, sample);
    if (sample.members.has(extension)) sample.reason = `two members ${member.name}`;
    sample.members.set(extension, member);
  }
  for (const [key, sample] of samples) yield rowOf(`${name}, ${key}`, key, sample, source);
}

function rowOf(where: string, key: string, { members, reason }: Sample, source: ByteSource): Row | BadRow {
  if (reason !== undefined) return { where, reason };
  const images = [...members.keys()].filter(
    (extension) => IMAGE_NAME.test(`.${extension}`) && !extension.includes("."),
  );
  if (images.length !== 1) {
    const found = [...members.keys()].join(", ");
    return { where, reason: images.length === 0 ? `no image among ${found}` : `several images: ${images.join(", ")}` };
  }
  const captions = CAPTION_EXTENSIONS.find((extension) => members.has(extension));
  if (captions === undefined)
    return { where, reason: `no captions: expected a member .${CAPTION_EXTENSIONS.join(", .")}` };
  const bytesOf = (extension: string): Uint8Array => {
    const { begin, end } = members.get(extension)!;
    return source.read(begin, end);
  };
  try {
    const found = captionsOf(bytesOf(captions), `${key}.${captions}`);
    return { where, name: `${key}.${images[0]}`, ...found, read: async () => bytesOf(images[0]) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { where, reason: error.detail };
  }
}
