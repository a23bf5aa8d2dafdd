/**
 * The index of a model in several safetensors files ("shards"), `model.safetensors.index.json`:
 *
 *   {"metadata": {"total_size": 813000000}, "weight_map": {"logit_bias": "model-00001-of-00002.safetensors", ...}}
 *
 * The file names are untrusted: each must be a plain name, to be opened only in the folder of the index. A link there is the
 * user's own: the caches of Hugging Face consist of links.
 *
 * huggingface.co/docs/safetensors, "Sharded checkpoints" as written by transformers.
 */
import { FormatError, quote } from "./formatError.ts";
import { isJsonRecord, parseJson } from "./json.ts";
import type { SafetensorsHeader } from "./safetensors.ts";

/** The contents of an index. */
export interface SafetensorsIndex {
  /** The names of the tensors in each shard. */
  readonly shards: ReadonlyMap<string, readonly string[]>;
  /** Bytes of all tensors, if the index states it. */
  readonly totalSize: number | undefined;
}

const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*\.safetensors$/;

/** Reads the index. Throws `FormatError`. */
export function readSafetensorsIndex(bytes: Uint8Array, file: string): SafetensorsIndex {
  const index = parseJson(bytes, file);
  if (!isJsonRecord(index) || !isJsonRecord(index.weight_map)) {
    throw new FormatError("ST_INDEX", file, 0, "expected an object with weight_map, from tensor names to file names");
  }
  const totalSize = isJsonRecord(index.metadata) ? index.metadata.total_size : undefined;
  if (totalSize !== undefined && (typeof totalSize !== "number" || !Number.isSafeInteger(totalSize) || totalSize < 0)) {
    throw new FormatError("ST_INDEX", file, 0, "metadata.total_size must be a number of bytes");
  }
  const shards = new Map<string, string[]>();
  for (const [name, shard] of Object.entries(index.weight_map)) {
    if (typeof shard !== "string" || !PLAIN_NAME.test(shard)) {
      const found = typeof shard === "string" ? quote(shard) : typeof shard;
      const detail = `tensor ${quote(name)} is in ${found}, expected the plain name of a .safetensors file`;
      throw new FormatError("ST_INDEX_PATH", file, 0, detail);
    }
    const names = shards.get(shard);
    if (names === undefined) shards.set(shard, [name]);
    else names.push(name);
  }
  return { shards, totalSize };
}

/** Throws `FormatError` with all differences between an index and the headers of its shards. */
export function verifyShards(
  index: SafetensorsIndex,
  headers: ReadonlyMap<string, SafetensorsHeader>,
  file: string,
): void {
  const problems: string[] = [];
  const home = new Map<string, string>();
  let bytes = 0;
  for (const [shard, names] of index.shards) {
    const entries = headers.get(shard)?.entries;
    if (entries === undefined) {
      problems.push(`${shard} is missing`);
      continue;
    }
    const listed = new Set(names);
    for (const name of names) if (!entries.has(name)) problems.push(`${quote(name)} is not in ${shard}`);
    for (const [name, { begin, end }] of entries) {
      const other = home.get(name);
      if (other !== undefined) problems.push(`${quote(name)} is in ${other} and in ${shard}`);
      else if (!listed.has(name)) problems.push(`${quote(name)} in ${shard} is not in the index`);
      home.set(name, shard);
      bytes += end - begin;
    }
  }
  const { totalSize } = index;
  if (problems.length === 0 && totalSize !== undefined && totalSize !== bytes) {
    problems.push(`total_size is ${totalSize}, but the tensors have ${bytes} bytes`);
  }
  if (problems.length > 0) {
    throw new FormatError("ST_INDEX", file, 0, `the shards do not match the index: ${problems.join("; ")}`);
  }
}
