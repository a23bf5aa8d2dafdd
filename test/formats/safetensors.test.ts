/** safetensors: the reader's table of bad files, and the round trip; damage to a good file: flips.test.ts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  countNonFinite,
  FormatError,
  readSafetensors,
  readSafetensorsHeader,
  type SafetensorsDType,
  type SafetensorsTensor,
  safetensorsHeaderLength,
  toFloat32,
  writeSafetensors,
} from "../../src/formats/index.ts";
import { cpuTime } from "../support/cpuTime.ts";

/** A file from a header as text and a number of zero bytes after it. */
function fileOf(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const lengthOnly = (length: bigint, size = 8): Uint8Array => {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  return bytes;
};

const entry = (fields: object): string => JSON.stringify({ dtype: "F32", shape: [2], data_offsets: [0, 8], ...fields });
const one = (fields: object, dataBytes = 8): Uint8Array => fileOf(`{"a":${entry(fields)}}`, dataBytes);

function errorOf(read: () => unknown): FormatError {
  try {
    read();
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error("no error");
}
const codeOf = (bytes: Uint8Array): string => errorOf(() => readSafetensors(bytes, "m.safetensors")).code;

const f32 = (shape: number[], values: number[]): SafetensorsTensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(values),
});

describe("readSafetensors refuses", () => {
  it.each([0, 1, 7])("a file of %i bytes", (size) => {
    expect(codeOf(new Uint8Array(size))).toBe("ST_TOO_SHORT");
  });

  it.each([100_000_001n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n])("a header length of %i", (length) => {
    expect(codeOf(lengthOnly(length))).toBe("ST_HEADER_TOO_LARGE");
  });

  it("ten million tensors, by the length of their names alone", () => {
    const entries = 10_000_000n * BigInt(`"t0000000":${entry({})},`.length);
    expect(codeOf(lengthOnly(entries))).toBe("ST_HEADER_TOO_LARGE");
  });

  it.each([1n, 100n, 100_000_000n])("a header of %i bytes if none follow", (length) => {
    expect(codeOf(lengthOnly(length))).toBe("ST_HEADER_TRUNCATED");
  });

  it.each([
    ["nothing", ""],
    ["half an object", "{"],
    ["an array", "[]"],
    ["a number", "12"],
    ["garbage after the object", "{} x"],
    ["a comment", "{/**/}"],
    ["NaN", `{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,0]}}`],
    ["single quotes", "{'a': 1}"],
    ["an entry that is no object", '{"a":[1]}'],
    ["an unknown key of an entry", `{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"scale":1}}`],
    ["100,000 brackets", "[".repeat(100_000)],
    ["100,000 objects in each other", '{"a":'.repeat(100_000)],
  ])("a header that is %s", (_name, header) => {
    expect(codeOf(fileOf(header, 4))).toBe("ST_HEADER_JSON");
  });

  it.each([
    ["a byte order mark", Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d)],
    ["bytes that are not UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)],
    ["a lone surrogate", new TextEncoder().encode(`{"\\ud800":${entry({})}}`)],
  ])("a header with %s", (_name, header) => {
    expect(codeOf(fileOf(header, 8))).toBe("ST_HEADER_UTF8");
  });

  it.each([
    ["name", `{"a":${entry({})},"a":${entry({})}}`],
    ["dtype", `{"a":{"dtype":"F32","dtype":"F64","shape":[2],"data_offsets":[0,8]}}`],
    ["__metadata__", `{"__metadata__":{},"__metadata__":{},"a":${entry({})}}`],
    ["key of __metadata__", `{"__metadata__":{"k":"1","k":"2"},"a":${entry({})}}`],
  ])("the same %s twice", (_name, header) => {
    expect(codeOf(fileOf(header, 8))).toBe("ST_DUPLICATE_KEY");
  });

  it.each(["1", "null", '"text"', "[]", '{"k":1}', '{"k":null}', '{"k":{"l":"m"}}', '{"k":["l"]}'])(
    "__metadata__ of %s",
    (value) => {
      expect(codeOf(fileOf(`{"__metadata__":${value}}`))).toBe("ST_METADATA");
    },
  );

  it.each(["f32", "F4", "F6_E2M3", "F8_E4M3", "F128", "", "__proto__", "toString", 4, null, ["F32"], { F32: 1 }])(
    "dtype %j",
    (dtype) => {
      expect(codeOf(one({ dtype }))).toBe("ST_DTYPE");
    },
  );

  it.each([
    ["[-1]", "ST_SHAPE"],
    ["[-0]", "ST_SHAPE"],
    ["[1.5]", "ST_SHAPE"],
    ["[1e3]", "ST_SHAPE"],
    ['["2"]', "ST_SHAPE"],
    ["[null]", "ST_SHAPE"],
    ["[[2]]", "ST_SHAPE"],
    ["null", "ST_SHAPE"],
    ["2", "ST_SHAPE"],
    ["[9007199254740992]", "ST_SHAPE"],
    ["[2,18446744073709551614]", "ST_SHAPE"],
    [`[${"1,".repeat(32)}1]`, "ST_SHAPE"],
    ["[4194305,4194305,211106198978564]", "ST_SIZE_OVERFLOW"],
    ["[9007199254740991]", "ST_SIZE_OVERFLOW"],
    ["[3]", "ST_SIZE_MISMATCH"],
    ["[]", "ST_SIZE_MISMATCH"],
    ["[0]", "ST_SIZE_MISMATCH"],
  ])("shape %s with %s", (shape, code) => {
    expect(codeOf(fileOf(`{"a":{"dtype":"F32","shape":${shape},"data_offsets":[0,8]}}`, 8))).toBe(code);
  });

  it.each(["[]", "[0]", "[0,8,8]", "[8,0]", "[-8,0]", "[0,8.0]", "[0,8e0]", '["0","8"]', "null", "{}", "[0,1e400]"])(
    "data_offsets %s",
    (offsets) => {
      expect(codeOf(fileOf(`{"a":{"dtype":"F32","shape":[2],"data_offsets":${offsets}}}`, 8))).toBe("ST_OFFSETS");
    },
  );

  it.each([
    ["dtype", "ST_DTYPE"],
    ["shape", "ST_SHAPE"],
    ["data_offsets", "ST_OFFSETS"],
  ])("an entry without %s", (key, code) => {
    expect(codeOf(one({ [key]: undefined }))).toBe(code);
  });

  it.each([
    ["two tensors on the same bytes", `{"a":${entry({})},"b":${entry({})}}`, 8, "ST_OVERLAP"],
    ["two tensors that share a part", `{"a":${entry({})},"b":${entry({ data_offsets: [4, 12] })}}`, 12, "ST_OVERLAP"],
    ["a hole between two tensors", `{"a":${entry({})},"b":${entry({ data_offsets: [12, 20] })}}`, 20, "ST_HOLE"],
    ["a hole at the start", `{"a":${entry({ data_offsets: [4, 12] })}}`, 12, "ST_HOLE"],
    [
      "an empty tensor within another",
      `{"a":${entry({})},"b":${entry({ shape: [0], data_offsets: [4, 4] })}}`,
      8,
      "ST_OVERLAP",
    ],
    ["a tensor far behind the end", `{"a":${entry({ data_offsets: [800, 808] })}}`, 8, "ST_OFFSETS"],
    ["20 bytes more than the tensors", `{"a":${entry({})}}`, 28, "ST_TRAILING"],
    ["2 bytes less than the tensors", `{"a":${entry({})}}`, 6, "ST_DATA_TRUNCATED"],
    ["data without tensors", "{}", 1, "ST_TRAILING"],
  ])("%s", (_name, header, dataBytes, code) => {
    expect(codeOf(fileOf(header, dataBytes))).toBe(code);
  });

  it("100,000 tensors on the same bytes, quickly", () => {
    const entries = Array.from({ length: 100_000 }, (_, i) => `"t${i}":${entry({})}`);
    const file = fileOf(`{${entries.join()}}`, 8);
    expect(cpuTime(() => expect(codeOf(file)).toBe("ST_OVERLAP"))).toBeLessThan(2000);
  });

  it("names the file, the byte and what was expected", () => {
    const { message, offset } = errorOf(() => readSafetensors(one({ dtype: "F12" }), "m.safetensors"));
    expect(offset).toBe(8 + '{"a":{"dtype":'.length);
    expect(message).toMatch(/^m\.safetensors, byte 22: dtype of "a" is "F12", expected one of F64, F32, /);
  });
});

describe("readSafetensors accepts", () => {
  it("white space around the header", () => {
    expect(readSafetensors(fileOf(` \n{"a": ${entry({})}}\t \r\n`, 8), "m").tensors.size).toBe(1);
  });

  it("an empty set of tensors", () => {
    expect(readSafetensors(fileOf("{}"), "m").tensors.size).toBe(0);
  });

  it("tensors without elements at the offset of another, and never aliases them", () => {
    const header = `{"a":${entry({})},"b":${entry({ shape: [0, 5], data_offsets: [0, 0] })},"c":${entry({ shape: [0], data_offsets: [8, 8] })}}`;
    const { tensors } = readSafetensors(fileOf(header, 8), "m");
    expect(tensors.get("b")).toEqual({ dtype: "F32", shape: [0, 5], data: new Float32Array(0) });
    expect(tensors.get("c")!.data.buffer).not.toBe(tensors.get("a")!.data.buffer);
  });

  it.each(["__proto__", "constructor", "toString", "", "\0", "../../x", "\u001b[31m\u202e", "n".repeat(1_000_000)])(
    "a tensor named %j as plain data",
    (name) => {
      const { tensors } = readSafetensors(fileOf(`{${JSON.stringify(name)}:${entry({})}}`, 8), "m");
      expect([...tensors.keys()]).toEqual([name]);
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
  );

  it("numbers at an odd offset of the file, also from a Buffer that shares its memory", () => {
    const values = [1, -2, 3.5];
    const file = writeSafetensors(new Map([["a", f32([3], values)]]));
    const shifted = Buffer.alloc(file.length + 3).subarray(3);
    shifted.set(file);
    const read = readSafetensors(shifted, "m").tensors.get("a")!.data;
    expect([...read]).toEqual(values);
    shifted.fill(0);
    expect([...read]).toEqual(values);

    const header = `{"a":${entry({})}} `; // 8 + odd
    expect((8 + header.length) % 2).toBe(1);
    expect([...readSafetensors(fileOf(header, 8), "m").tensors.get("a")!.data]).toEqual([0, 0]);
  });

  it("headers of files beyond 4 GiB", () => {
    const size = 5 * 2 ** 30;
    const header = new TextEncoder().encode(
      `{"a":${entry({ shape: [size / 4], data_offsets: [0, size] })},"b":${entry({ data_offsets: [size, size + 8] })}}`,
    );
    const fileSize = 8 + header.length + size + 8;
    expect(safetensorsHeaderLength(lengthOnly(BigInt(header.length)), fileSize, "m")).toBe(header.length);
    const { entries } = readSafetensorsHeader(header, fileSize, "m");
    expect(entries.get("b")).toMatchObject({ begin: fileSize - 8, end: fileSize });
  });
});

// ---- round trip

const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

/** A tensor of any dtype and small shape with any bits in it. */
const anyTensor: fc.Arbitrary<SafetensorsTensor> = fc
  .tuple(
    fc.constantFrom(...(Object.keys(ARRAYS) as SafetensorsDType[])),
    fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
    fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
  )
  .map(([dtype, shape, stream]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const bytes = Uint8Array.from({ length: size * ARRAYS[dtype].BYTES_PER_ELEMENT }, () => stream.next().value!);
    return { dtype, shape, data: new ARRAYS[dtype](bytes.buffer) };
  });
const anyText = fc.string({ unit: "binary", maxLength: 12 }).filter((t) => !/\p{Cs}/u.test(t));
const anyTensors = fc.array(fc.tuple(anyText, anyTensor), { maxLength: 6 }).map((pairs) => new Map(pairs));
const anyMetadata = fc.array(fc.tuple(anyText, anyText), { maxLength: 4 }).map((pairs) => new Map(pairs));

const bitsOf = ({ data }: SafetensorsTensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

describe("round trip", () => {
  it("reads back every tensor to the last bit", () => {
    fc.assert(
      fc.property(anyTensors, anyMetadata, (tensors, metadata) => {
        const read = readSafetensors(writeSafetensors(tensors, metadata), "m");
        expect(new Set(read.tensors.keys())).toEqual(new Set(tensors.keys()));
        expect(read.metadata).toEqual(metadata);
        for (const [name, tensor] of tensors) {
          const back = read.tensors.get(name)!;
          expect([back.dtype, back.shape, back.data.constructor]).toEqual([
            tensor.dtype,
            tensor.shape,
            tensor.data.constructor,
          ]);
          expect(bitsOf(back)).toEqual(bitsOf(tensor));
        }
      }),
    );
  });

  it("writes the same bytes for any order of the tensors, and again after reading", () => {
    fc.assert(
      fc.property(anyTensors, anyMetadata, (tensors, metadata) => {
        const bytes = writeSafetensors(tensors, metadata);
        expect(writeSafetensors(new Map([...tensors].reverse()), new Map([...metadata].reverse()))).toEqual(bytes);
        const read = readSafetensors(bytes, "m");
        expect(writeSafetensors(read.tensors, read.metadata)).toEqual(bytes);
      }),
    );
  });

  it("writes this file for this tensor", () => {
    const bytes = writeSafetensors(new Map([["w", f32([1], [1])]]), new Map([["k", "v"]]));
    const json = '{"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
    const text = String.fromCharCode(...bytes);
    expect(text).toBe(`\x50\0\0\0\0\0\0\0${json.padEnd(80)}\0\0\x80\x3f`);
  });

  it.each<[string, string, SafetensorsTensor]>([
    ["too few numbers", "a", { dtype: "F32", shape: [3], data: new Float32Array(2) }],
    ["another array", "a", { dtype: "F32", shape: [2], data: new Float64Array(2) }],
    ["negative sides", "a", { dtype: "F32", shape: [-1, -2], data: new Float32Array(2) }],
    ["33 axes", "a", { dtype: "F32", shape: new Array(33).fill(1), data: new Float32Array(1) }],
    ["the name of the metadata", "__metadata__", f32([], [1])],
    ["a lone surrogate", "\ud800", f32([], [1])],
  ])("the writer refuses what no reader would take: %s", (_what, name, tensor) => {
    expect(() => writeSafetensors(new Map([[name, tensor]]))).toThrow(RangeError);
  });

  it("holds a hundred thousand names", () => {
    const tensors = new Map<string, SafetensorsTensor>();
    for (let i = 0; i < 100_000; i++) tensors.set(`t${i}`, { dtype: "U8", shape: [1], data: Uint8Array.of(i & 255) });
    const read = readSafetensors(writeSafetensors(tensors), "m").tensors;
    expect(read.size).toBe(100_000);
    expect(read.get("t99999")!.data[0]).toBe(99_999 & 255);
  });
});

it("countNonFinite counts NaN and infinities of every float dtype", () => {
  const count = (dtype: SafetensorsDType, data: SafetensorsTensor["data"]): number =>
    countNonFinite({ dtype, shape: [data.length], data });
  expect(count("F64", Float64Array.of(1e300, Number.NaN, Number.NEGATIVE_INFINITY))).toBe(2);
  expect(count("F32", Float32Array.of(1, Number.NaN))).toBe(1);
  expect(count("F16", Uint16Array.of(0x7bff, 0x7c00, 0xfe00))).toBe(2);
  expect(count("BF16", Uint16Array.of(0x7f7f, 0x7f80, 0xffff))).toBe(2);
  expect(count("U16", Uint16Array.of(0x7c00))).toBe(0);
});

describe("toFloat32", () => {
  it.each<SafetensorsTensor & { values: number[] }>([
    {
      dtype: "F64",
      shape: [2],
      data: Float64Array.of(0.1, 1e300),
      values: [Math.fround(0.1), Number.POSITIVE_INFINITY],
    },
    {
      dtype: "F16",
      shape: [3],
      data: Uint16Array.of(0x3c00, 0x8001, 0xfc00),
      values: [1, -(2 ** -24), Number.NEGATIVE_INFINITY],
    },
    { dtype: "BF16", shape: [2], data: Uint16Array.of(0x3f80, 0xc049), values: [1, -3.140625] },
    { dtype: "I64", shape: [2], data: BigInt64Array.of(-3n, 2n ** 40n), values: [-3, 2 ** 40] },
    { dtype: "I8", shape: [1], data: Int8Array.of(-128), values: [-128] },
    { dtype: "BOOL", shape: [3], data: Uint8Array.of(0, 1, 255), values: [0, 1, 1] },
  ])("widens $dtype", ({ values, ...tensor }) => {
    expect([...toFloat32(tensor)]).toEqual(values);
  });

  it("keeps the bits of NaN", () => {
    const { buffer } = toFloat32({ dtype: "BF16", shape: [1], data: Uint16Array.of(0x7f81) });
    expect(new Uint32Array(buffer)[0]).toBe(0x7f810000);
  });
});
