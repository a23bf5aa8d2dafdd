/** The tensors of a folder, in one safetensors file or in several with an index. */
import {
  FormatError,
  openSafetensors,
  readSafetensorsIndex,
  type SafetensorsHeader,
  type TensorEntry,
  type TensorSource,
  verifyShards,
} from "../formats/index.ts";
import { type ModelFolder, readJsonFile } from "./folder.ts";

/** Opened tensors, and the file that messages name. */
export interface Weights {
  readonly source: TensorSource;
  readonly file: string;
  close(): void;
}

/** Opens `<stem>.safetensors`, or the shards of `<stem>.safetensors.index.json`. Throws `FormatError`. */
export function openWeights(folder: ModelFolder, stem: string): Weights {
  const { names } = folder;
  const [single, index] = [`${stem}.safetensors`, `${stem}.safetensors.index.json`];
  if (names.has(single)) return openOne(folder, single);
  if (names.has(index)) return openShards(folder, index);
  const pickled = [...names].find((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
  const remedy = pickled === undefined ? "" : `; ${pickled} is a pickle, which is not read: save it as safetensors`;
  throw new FormatError("MODEL_LAYOUT", folder.path, 0, `expected ${single} or ${index}${remedy}`);
}

function openOne(folder: ModelFolder, name: string): Weights & { readonly source: SafetensorsHeader } {
  const bytes = folder.open(name);
  try {
    return { source: openSafetensors(bytes), file: folder.pathOf(name), close: bytes.close };
  } catch (error) {
    bytes.close();
    throw error;
  }
}

function openShards(folder: ModelFolder, name: string): Weights {
  const file = folder.pathOf(name);
  const index = readSafetensorsIndex(readJsonFile(folder.open(name)), file);
  const shards = new Map<string, ReturnType<typeof openOne>>();
  const close = (): void => {
    for (const shard of shards.values()) shard.close();
  };
  try {
    for (const shard of index.shards.keys()) if (folder.names.has(shard)) shards.set(shard, openOne(folder, shard));
    verifyShards(index, new Map([...shards].map(([name, { source }]) => [name, source])), file);
  } catch (error) {
    close();
    throw error;
  }
  const home = new Map([...index.shards].flatMap(([shard, tensors]) => tensors.map((name) => [name, shard] as const)));
  const entries = new Map<string, TensorEntry>();
  for (const { source } of shards.values()) for (const [name, entry] of source.entries) entries.set(name, entry);
  const read: TensorSource["read"] = (name, ...range) => shards.get(home.get(name)!)!.source.read(name, ...range);
  return { source: { entries, read }, file, close };
}
