/** npz and npy: NumPy's own files, the table of bad ones, damage to a good one, and the round trip. */
import { readFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  FormatError,
  npzPieces,
  openNpz,
  readNpy,
  readRows,
  type SafetensorsTensor,
  sizeOf,
  sourceOfBytes,
  type TensorSource,
  toFloat32,
} from "../../src/formats/index.ts";
import { zlib } from "../../src/models/files.ts";
import { cpuTime } from "../support/cpuTime.ts";
import { released } from "../support/released.ts";

const open = (bytes: Uint8Array): TensorSource => openNpz(sourceOfBytes(bytes, "m.npz"), zlib);
const readAll = (source: TensorSource): Map<string, SafetensorsTensor> =>
  new Map([...source.entries].map(([name, entry]) => [name, source.read(name, 0, sizeOf(entry))]));

function codeOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof FormatError) return error.code;
    throw error;
  }
  return "no error";
}

const joined = (...pieces: readonly Uint8Array[]): Uint8Array => Uint8Array.from(pieces.flatMap((piece) => [...piece]));
const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** An npy file of a header as text. */
function npy(header: string, data = new Uint8Array(0), version = [1, 0], length = header.length): Uint8Array {
  const size = version[0] === 1 ? [length & 255, length >> 8] : [0, 8, 16, 24].map((shift) => (length >>> shift) & 255);
  return joined(ascii("\x93NUMPY"), Uint8Array.of(...version, ...size), ascii(header), data);
}
const f4 = (shape: string): string => `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }\n`;

describe("NumPy's files", () => {
  const expected = JSON.parse(readFileSync(released("numpy/arrays.json"), "utf8")) as Record<
    string,
    { shape: number[]; values: number[] }
  >;
  it.each(["arrays", "arrays_compressed"])("%s.npz has its arrays, in row-major order", (file) => {
    const source = open(readFileSync(released(`numpy/${file}.npz`)));
    expect([...source.entries.keys()]).toEqual(Object.keys(expected));
    for (const [name, { shape, values }] of Object.entries(expected)) {
      expect(source.entries.get(name)!.shape).toEqual(shape);
      const tensor = source.read(name, 0, values.length);
      expect([...tensor.data].map(Number), name).toEqual(
        name === "tf2" ? values.map((x) => Number(halfBits(x))) : values,
      );
      if (name === "void") expect([...toFloat32(tensor)]).toEqual([1, 2]);
    }
    expect([...readRows(source, "fortran3", 1, 2).data].map(Number)).toEqual(expected.fortran3.values.slice(12));
  });
  const halfBits = (x: number): number => new Uint16Array(new Float16Array([x]).buffer)[0];
});

describe("an npy header", () => {
  it.each([
    ["(3,)", [3]],
    ["()", []],
    ["(0, 3)", [0, 3]],
    ["(2, 3)", [2, 3]],
    ["(2,3,)", [2, 3]],
    ["( 2 , 3 )", [2, 3]],
    ["(3L,)", [3]],
  ])("of shape %s is read as NumPy does", (shape, sides) => {
    const data = new Uint8Array(4 * sides.reduce((a, b) => a * b, 1));
    expect(readNpy(npy(f4(shape), data), "a.npy").shape).toEqual(sides);
  });

  it("may have its keys in any order and version 2.0 or 3.0", () => {
    const header = "{'shape': (1,), \"fortran_order\": True, 'descr': \"<f4\"}";
    for (const major of [1, 2, 3]) expect(readNpy(npy(header, new Uint8Array(4), [major, 0]), "a").shape).toEqual([1]);
  });

  it.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(0), "NPY_MAGIC"],
    ["another magic", npy(f4("()")).fill(0x4e, 0, 1), "NPY_MAGIC"],
    ["version 9.9", npy(f4("()"), undefined, [9, 9]), "NPY_VERSION"],
    ["a header of 4 GiB", npy("", undefined, [2, 0], 2 ** 32 - 1), "NPY_HEADER_TOO_LARGE"],
    ["a header longer than the file", npy("{}", undefined, [1, 0], 60_000), "NPY_HEADER"],
    ["no dictionary", npy("[1]"), "NPY_HEADER"],
    ["a call", npy("__import__('os').system('x')"), "NPY_HEADER"],
    ["a call in a dictionary", npy("{'descr': __import__('os')}"), "NPY_HEADER"],
    ["a missing key", npy("{'descr': '<f4', 'shape': (1,)}"), "NPY_HEADER"],
    ["an extra key", npy(f4("()").replace("{", "{'x': True, ")), "NPY_HEADER"],
    ["a key twice", npy(f4("()").replace("{", "{'shape': (), ")), "NPY_HEADER"],
    ["60,000 parentheses", npy(`{'shape': ${"(".repeat(60_000)}`), "NPY_HEADER"],
    ["a negative size", npy(f4("(-1,)")), "NPY_HEADER"],
    ["a number for a tuple", npy(f4("(3)")), "NPY_SHAPE"],
    ["2^70 numbers", npy(f4("(1180591620717411303424,)")), "NPY_SHAPE"],
    ["sizes whose product overflows", npy(f4("(4194305, 4194305, 211106198978564)")), "NPY_SHAPE"],
    ["33 axes", npy(f4(`(${"1,".repeat(33)})`)), "NPY_SHAPE"],
    ...["|O", "<U8", "<M8", ">f4", ">i4", "<f16", "<c8", "__proto__"].map(
      (descr) => [`type ${descr}`, npy(f4("()").replace("<f4", descr)), "NPY_DTYPE"] as [string, Uint8Array, string],
    ),
    ...["(2**70,)", "(1.0,)", "(True,)", "[1]", "None"].map(
      (shape) => [`shape ${shape}`, npy(f4(shape)), "NPY_HEADER"] as [string, Uint8Array, string],
    ),
    ...["(,)", "(1,,2)", "(1 2)", "(L,)", "(,1)"].map(
      (shape) => [`shape ${shape}`, npy(f4(shape)), "NPY_SHAPE"] as [string, Uint8Array, string],
    ),
    ["100,000 parentheses", npy(`{'shape': ${"(".repeat(1e5)}`, undefined, [2, 0]), "NPY_HEADER_TOO_LARGE"],
    ["its type as a word", npy(f4("()").replace("'<f4'", "True")), "NPY_HEADER"],
    ["its order in quotes", npy(f4("()").replace("False", "'False'"), new Uint8Array(4)), "NPY_HEADER"],
    ["its shape in quotes", npy(f4("'()'"), new Uint8Array(4)), "NPY_HEADER"],
    ["a structured type", npy(f4("()").replace("'<f4'", "[('a', '<f4')]")), "NPY_HEADER"],
    ["too few numbers", npy(f4("(2,)"), new Uint8Array(7)), "NPY_DATA_LENGTH"],
    ["too many numbers", npy(f4("(2,)"), new Uint8Array(9)), "NPY_DATA_LENGTH"],
  ])("with %s is refused", (_, bytes, code) => {
    expect(codeOf(() => readNpy(bytes, "a.npy"))).toBe(code);
  });
});

it.each([
  ["spaces", " ".repeat(65_000)],
  ["spaces in a dictionary", `{'descr'${" ".repeat(65_000)}}`],
  ["digits", `{'shape': (${"1".repeat(65_000)} 2)}`],
  ["commas", `{'shape': (${"1,".repeat(32_000)})`],
  ["entries", `{${Array.from({ length: 5000 }, (_, i) => `'${i}': True`).join()}`],
])("an npy header of 64 KiB of %s is refused in time that grows as its length", (_, header) => {
  expect(cpuTime(() => expect(codeOf(() => readNpy(npy(header), "a.npy"))).toMatch(/^NPY_/))).toBeLessThan(1_000);
});

interface ZipPart {
  name?: string | Uint8Array;
  data?: Uint8Array;
  stored?: Uint8Array;
  size?: number;
  method?: number;
  flags?: number;
  crc?: number;
  offset?: number;
  comment?: boolean;
  /** In the local header alone. */
  local?: Partial<Record<"crc" | "size" | "method" | "name", number | string>>;
}

const le = (bytes: number, value: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256);
const array = npy(f4("(2,)"), Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64));

/** A zip file without zip64; each part may lie. */
function zip(
  parts: readonly ZipPart[],
  end: { count?: number; comment?: Uint8Array; disk?: number; gap?: number } = {},
) {
  const body: number[] = [];
  const directory: number[] = [];
  for (const part of parts) {
    const { data = array, method = 0, flags = 0, local = {} } = part;
    const name = typeof part.name === "object" ? part.name : ascii(part.name ?? "a.npy");
    const stored = part.stored ?? (method === 8 ? new Uint8Array(deflateRawSync(data)) : data);
    const { size = data.length, crc = zlib.crc32(data), offset = body.length } = part;
    const fields = (m: number, c: number, s: number, nameLength: number) => [
      ...le(2, flags), ...le(2, m), ...le(4, 0), ...le(4, c), ...le(4, stored.length), ...le(4, s), ...le(2, nameLength), ...le(2, 0),
    ]; // biome-ignore format: one record
    const localName = local.name === undefined ? name : ascii(String(local.name));
    const [m, c, s] = [Number(local.method ?? method), Number(local.crc ?? crc), Number(local.size ?? size)];
    body.push(...le(4, 0x04034b50), ...le(2, 20), ...fields(m, c, s, localName.length), ...localName, ...stored);
    directory.push(...le(4, 0x02014b50), ...le(4, 20), ...fields(method, crc, size, name.length), ...le(2, part.comment ? 1 : 0), ...le(8, 0), ...le(4, offset), ...name, ...(part.comment ? [65] : [])); // biome-ignore format: one record
  }
  const { count = parts.length, comment = new Uint8Array(0), disk = 0, gap = 0 } = end;
  body.push(...le(gap, 0));
  return Uint8Array.of(...body, ...directory, ...le(4, 0x06054b50), ...le(4, disk), ...le(2, count), ...le(2, count), ...le(4, directory.length), ...le(4, body.length), ...le(2, comment.length), ...comment); // biome-ignore format: one record
}

describe("an npz file", () => {
  it("is read without zip64, stored and deflated", () => {
    for (const method of [0, 8]) expect([...open(zip([{ method }])).read("a", 0, 2).data]).toEqual([1, 2]);
  });

  const zeros = npy(f4("(16777216,)"), new Uint8Array(2 ** 26));
  it.each<[string, () => Uint8Array, string]>([
    ["empty", () => new Uint8Array(0), "ZIP_EOCD"],
    ["without an end", () => zip([{}]).subarray(0, -1), "ZIP_EOCD"],
    ["with bytes after the end", () => joined(zip([{}]), Uint8Array.of(0)), "ZIP_EOCD"],
    ["with a comment", () => zip([{}], { comment: ascii("hello") }), "ZIP_EOCD"],
    ["with a second end in its comment", () => zip([{}], { comment: zip([]) }), "ZIP_EOCD"],
    ["with a comment of 64 KiB", () => zip([{}], { comment: new Uint8Array(65_535) }), "ZIP_EOCD"],
    ["of several disks", () => zip([{}], { disk: 1 }), "ZIP_UNSUPPORTED"],
    ["that announces more entries", () => zip([{}], { count: 2 }), "ZIP_CENTRAL"],
    ["that announces fewer entries", () => zip([{}, { name: "b.npy" }], { count: 1 }), "ZIP_CENTRAL"],
    ["with an entry's comment", () => zip([{ comment: true }]), "ZIP_CENTRAL"],
    ["encrypted", () => zip([{ flags: 1 }]), "ZIP_UNSUPPORTED"],
    ["with sizes after the data", () => zip([{ flags: 8 }]), "ZIP_UNSUPPORTED"],
    ...[1, 9, 12, 14, 93].map(
      (method) =>
        [`of method ${method}`, () => zip([{ method }]), "ZIP_UNSUPPORTED"] as [string, () => Uint8Array, string],
    ),
    ["whose local name differs", () => zip([{ local: { name: "b.npy" } }]), "ZIP_HEADER_MISMATCH"],
    ["whose local size differs", () => zip([{ local: { size: 5 } }]), "ZIP_HEADER_MISMATCH"],
    ["whose local method differs", () => zip([{ local: { method: 8 } }]), "ZIP_HEADER_MISMATCH"],
    ["whose local CRC differs", () => zip([{ local: { crc: 5 } }]), "ZIP_HEADER_MISMATCH"],
    ["with overlapping entries", () => zip([{}, { name: "b.npy", offset: 0 }]), "ZIP_OVERLAP"],
    ["with a hole before the directory", () => zip([{}], { gap: 3 }), "ZIP_HOLE"],
    ["with an entry that begins too late", () => zip([{ offset: 1 }]), "ZIP_HOLE"],
    ["with more output than deflate can make", () => zip([{ method: 8, size: 2 ** 31 }]), "ZIP_BOMB"],
    ["that inflates to more than it says", () => zip([{ method: 8, data: zeros, size: 60_000 }]), "ZIP_BOMB"],
    [
      "with bytes after its deflate stream",
      () => zip([{ method: 8, stored: joined(deflateRawSync(array), Uint8Array.of(1, 2)) }]),
      "ZIP_SIZE_MISMATCH",
    ],
    ["that inflates to less than it says", () => zip([{ method: 8, size: array.length + 1 }]), "ZIP_SIZE_MISMATCH"],
    [
      "whose deflate stream is damaged",
      () => zip([{ method: 8, stored: Uint8Array.of(255, 255, 255) }]),
      "ZIP_DEFLATE",
    ],
    ["stored with another size", () => zip([{ size: 5 }]), "ZIP_SIZE_MISMATCH"],
    ["with a wrong CRC", () => zip([{ crc: 1 }]), "ZIP_CRC"],
    ["with a name twice", () => zip([{}, {}]), "ZIP_DUPLICATE"],
    ["with a name that is not UTF-8", () => zip([{ name: Uint8Array.of(0xff, 0x2e) }]), "ZIP_CENTRAL"],
    ["with a file that is no array", () => zip([{ name: "a.txt" }]), "ZIP_UNSUPPORTED"],
    ["with an array of another size", () => zip([{ data: npy(f4("(3,)"), new Uint8Array(8)) }]), "NPY_DATA_LENGTH"],
    ["with pickled objects", () => zip([{ data: npy(f4("()").replace("<f4", "|O")) }]), "NPY_DTYPE"],
  ])("%s is refused", (_, make, code) => {
    const bytes = make();
    expect(codeOf(() => readAll(open(bytes)))).toBe(code);
  });

  it.each(["../x", "/abs", "a\\b", "C:\\x", "nul\0", "__proto__", "constructor", ""])(
    "may name an array %j: a key",
    (name) => {
      const source = open(zip([{ name: `${name}.npy` }]));
      expect([...source.entries.keys()]).toEqual([name]);
      expect(source.read(name, 1, 2).data[0]).toBe(2);
      expect(({} as Record<string, unknown>).dtype).toBeUndefined();
    },
  );

  it("of 65 KB that are 64 MiB of zeros is read in proportion", () => {
    const bytes = zip([{ method: 8, data: zeros }]);
    expect(cpuTime(() => open(bytes).read("a", 0, 1))).toBeLessThan(5_000);
  });
});

const tensors: fc.Arbitrary<Map<string, SafetensorsTensor>> = fc
  .uniqueArray(
    fc.tuple(fc.string({ unit: "grapheme", maxLength: 8 }), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 })),
    {
      selector: ([name]) => name,
      maxLength: 4,
    },
  )
  .map(
    (list) =>
      new Map(
        list.map(([name, shape], i) => {
          const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, k) => k / 3 + i);
          return [name, { dtype: "F32", shape, data }] as const;
        }),
      ),
  );

const written = (all: ReadonlyMap<string, SafetensorsTensor>): Uint8Array =>
  joined(...npzPieces(new Map([...all].map(([name, each]) => [name, { ...each, numbers: () => each.data }])), zlib));

describe("an npz file with zip64 fields", () => {
  const good = written(new Map([["a", { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) }]]));
  const [end, locator, end64] = [22, 42, 98].map((distance) => good.length - distance);
  const record = end64 - (46 + "a.npy".length + 28);
  const extra = record + 46 + "a.npy".length;
  const localExtra = 30 + "a.npy".length;
  /** The file with other bytes at a place. */
  const at = (place: number, ...bytes: readonly number[]): Uint8Array => {
    const changed = good.slice();
    changed.set(bytes, place);
    return changed;
  };
  const without = (from: number, to: number): Uint8Array => joined(good.subarray(0, from), good.subarray(to));

  it("is read", () => expect([...open(good).read("a", 0, 2).data]).toEqual([1, 2]));

  it.each<[string, Uint8Array, string]>([
    ["that lacks their end record", without(end64, locator), "ZIP_EOCD"],
    ["that lacks their locator", without(locator, end), "ZIP_EOCD"],
    ["that lacks both", without(end64, end), "ZIP_EOCD"],
    ["whose locator points elsewhere", at(locator + 8, 1), "ZIP_EOCD"],
    ["whose end records differ in their counts", at(end + 8, 5, 0, 5, 0), "ZIP_EOCD"],
    ["whose end records differ in the size of the directory", at(end + 12, 5, 0, 0, 0), "ZIP_EOCD"],
    ["of several disks", at(end64 + 16, 1), "ZIP_UNSUPPORTED"],
    ["with other counts on this disk and all", at(end64 + 24, 2), "ZIP_UNSUPPORTED"],
    ["of 2^40 entries", at(end64 + 24, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0), "ZIP_CENTRAL"],
    ["with a directory of 2^64 − 1 bytes", at(end64 + 40, ...new Array(8).fill(255)), "ZIP_EOCD"],
    ["whose directory begins beyond the file", at(end64 + 48, ...new Array(8).fill(255)), "ZIP_EOCD"],
    ["whose record has no sizes", at(extra, 2), "ZIP_CENTRAL"],
    ["whose record has too few sizes", at(extra + 2, 4), "ZIP_CENTRAL"],
    ["whose record has more sizes than bytes", at(extra + 2, 200), "ZIP_CENTRAL"],
    ["whose record has a size of 2^64 − 1", at(extra + 4, ...new Array(8).fill(255)), "ZIP_CENTRAL"],
    ["whose entry begins beyond the directory", at(extra + 20, 255, 255), "ZIP_HOLE"],
    ["whose local header has no sizes", at(localExtra, 2), "ZIP_HEADER_MISMATCH"],
    ["whose local header has another size", at(localExtra + 4, 1), "ZIP_HEADER_MISMATCH"],
    ["whose local header has other flags", at(6, 2), "ZIP_HEADER_MISMATCH"],
    ["whose record is of another disk", at(record + 34, 1), "ZIP_UNSUPPORTED"],
    ["whose comment is missing", at(end + 20, 5), "ZIP_EOCD"],
  ])("%s is refused", (_, bytes, code) => {
    expect(codeOf(() => readAll(open(bytes)))).toBe(code);
  });

  it("whose entry reaches into the directory is refused", () => {
    const bytes = zip([{}]);
    const directory = bytes.length - 22 - 46 - "a.npy".length;
    for (const place of [18, 22, directory + 20, directory + 24]) bytes[place]++;
    expect(codeOf(() => open(bytes))).toBe("ZIP_OVERLAP");
  });
});

describe("npzPieces", () => {
  it("is read back to the last bit", () => {
    fc.assert(
      fc.property(tensors, (all) => {
        const source = open(written(all));
        expect([...source.entries]).toMatchObject([...all].map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
        for (const [name, { data }] of all) expect(source.read(name, 0, data.length).data).toEqual(data);
      }),
      { numRuns: 50 },
    );
  });
});

describe("a damaged npz file", () => {
  const one = { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) } as const;
  const golden = written(
    new Map([
      ["a", one],
      ["b/c", one],
    ]),
  );
  const good = [...readAll(open(golden))];
  const judge = (bytes: Uint8Array): void => {
    try {
      expect([...readAll(open(bytes))]).toEqual(good); // dates and versions say nothing
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      expect(error.message.length).toBeLessThanOrEqual(500);
    }
  };

  it("with bytes of another place or removed is an error or has the same arrays", () => {
    const edit = fc.tuple(fc.nat(golden.length - 1), fc.nat(golden.length - 1), fc.nat(12), fc.boolean());
    fc.assert(
      fc.property(edit, ([to, from, length, removes]) => {
        const piece = removes ? new Uint8Array(0) : golden.slice(from, from + length);
        const bytes = joined(golden.subarray(0, to), piece, golden.subarray(removes ? to + length : to + piece.length));
        judge(bytes);
      }),
      { numRuns: 3_000 },
    );
  });
});
