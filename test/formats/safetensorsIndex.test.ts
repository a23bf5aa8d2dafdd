/** Models in several files: the index must be valid, name plain files, and agree with their headers. */
import { describe, expect, it } from "vitest";
import {
  FormatError,
  readSafetensorsHeader,
  readSafetensorsIndex,
  type SafetensorsHeader,
  safetensorsHeaderLength,
  verifyShards,
  writeSafetensors,
} from "../../src/formats/index.ts";

const FILE = "model.safetensors.index.json";
const indexOf = (value: unknown) => readSafetensorsIndex(new TextEncoder().encode(JSON.stringify(value)), FILE);

/** The header of a shard with tensors of 4 bytes. */
function shardOf(...names: string[]): SafetensorsHeader {
  const tensors = new Map(names.map((name) => [name, { dtype: "F32" as const, shape: [], data: Float32Array.of(1) }]));
  const bytes = writeSafetensors(tensors);
  const length = safetensorsHeaderLength(bytes, bytes.length, "shard");
  return readSafetensorsHeader(bytes.subarray(8, 8 + length), bytes.length, "shard");
}

function errorOf(act: () => unknown): FormatError {
  try {
    act();
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error("no error");
}

const good = {
  metadata: { total_size: 12 },
  weight_map: { a: "1.safetensors", b: "2.safetensors", c: "2.safetensors" },
};
const shards = new Map([
  ["1.safetensors", shardOf("a")],
  ["2.safetensors", shardOf("b", "c")],
]);

it("an index that agrees with its shards is accepted", () => {
  const index = indexOf(good);
  expect([...index.shards]).toEqual([
    ["1.safetensors", ["a"]],
    ["2.safetensors", ["b", "c"]],
  ]);
  expect(() => verifyShards(index, shards, FILE)).not.toThrow();
});

describe("readSafetensorsIndex refuses", () => {
  it.each([
    "../x.safetensors",
    "/etc/x.safetensors",
    "a/b.safetensors",
    "a\\b.safetensors",
    "C:x.safetensors",
    "..",
    "",
    "x",
    ".x.safetensors",
    "x\0.safetensors",
    1,
    null,
  ])("the path %j", (path) => {
    expect(errorOf(() => indexOf({ weight_map: { a: path } })).code).toBe("ST_INDEX_PATH");
  });

  it.each([
    [[]],
    [{}],
    [{ weight_map: [] }],
    [{ ...good, metadata: { total_size: "12" } }],
    [{ ...good, metadata: { total_size: -1 } }],
  ])("%j", (value) => {
    expect(errorOf(() => indexOf(value)).code).toBe("ST_INDEX");
  });
});

describe("verifyShards refuses", () => {
  it.each([
    ["a missing shard", new Map([["1.safetensors", shardOf("a")]]), "2.safetensors is missing"],
    [
      "a tensor that is not in its shard",
      new Map(shards).set("2.safetensors", shardOf("b")),
      '"c" is not in 2.safetensors',
    ],
    [
      "a tensor in two shards",
      new Map(shards).set("2.safetensors", shardOf("a", "b", "c")),
      '"a" is in 1.safetensors and in 2',
    ],
    [
      "a tensor that the index lacks",
      new Map(shards).set("2.safetensors", shardOf("b", "c", "d")),
      '"d" in 2.safetensors is not',
    ],
  ])("%s", (_name, headers, words) => {
    const { code, detail } = errorOf(() => verifyShards(indexOf(good), headers, FILE));
    expect(code).toBe("ST_INDEX");
    expect(detail).toContain(words);
  });

  it("a wrong total size", () => {
    const wrong = indexOf({ ...good, metadata: { total_size: 13 } });
    expect(errorOf(() => verifyShards(wrong, shards, FILE)).detail).toContain(
      "total_size is 13, but the tensors have 12 bytes",
    );
  });
});
