/**
 * All operations of the assembler: the types as little dictionaries (`f32x4.load`, `f32x4.const`, `i32.local`, ...) and
 * the arithmetic as functions over every type that has it (`add`, `lt`, `sqrt`, ...).
 *
 * Numbers are opcodes of the binary format; 0xfd.... are vector operations, 0xfc.... the saturating conversions and
 * bulk memory. Vector comparisons give masks: i32x4 for f32x4 and i32x4, i64x2 for f64x2. i16x8 has only what products of
 * integers need.
 */
import {
  constant, type Expr, type FunctionBody, lift, newLocal, type Operand, type Scalar, type Statement, statement, type Type, unsigned,type Vector, 
} from "./assembler.ts"; // biome-ignore format: one list

type Codes<T extends Type> = { readonly [t in T]: number };

// ---------------------------------------------------------------------------------------------------------------------
// Arithmetic

const unary =
  <T extends Type>(codes: Codes<T>) =>
  <U extends T>(a: Expr<U>): Expr<U> => ({
    type: a.type,
    emit: (to) => {
      a.emit(to);
      to.op(codes[a.type]);
    },
  });

/** Instructions of two operands, by their type; `result` is that of what they leave. */
export const binaryTo =
  <T extends Type, R extends Type>(codes: Codes<T>, result: (type: T) => R) =>
  (a: Expr<T>, b: Operand<T>): Expr<R> => ({
    type: result(a.type),
    emit: (to) => {
      a.emit(to);
      lift(a.type, b).emit(to);
      to.op(codes[a.type]);
    },
  });

type Binary<T extends Type> = <U extends T>(a: Expr<U>, b: Operand<NoInfer<U>>) => Expr<U>;
const binary =
  <T extends Type>(codes: Codes<T>): Binary<T> =>
  <U extends T>(a: Expr<U>, b: Operand<NoInfer<U>>) =>
    binaryTo<U, U>(codes, (type) => type)(a, b);

export const abs = unary({ f32: 0x8b, f64: 0x99, i32x4: 0xfd00a0, f32x4: 0xfd00e0, f64x2: 0xfd00ec });
export const neg = unary({ f32: 0x8c, f64: 0x9a, i32x4: 0xfd00a1, f32x4: 0xfd00e1, f64x2: 0xfd00ed });
export const ceil = unary({ f32: 0x8d, f64: 0x9b, f32x4: 0xfd0067, f64x2: 0xfd0074 });
export const floor = unary({ f32: 0x8e, f64: 0x9c, f32x4: 0xfd0068, f64x2: 0xfd0075 });
export const trunc = unary({ f32: 0x8f, f64: 0x9d, f32x4: 0xfd0069, f64x2: 0xfd007a });
/** To the nearest integer, ties to even. */
export const nearest = unary({ f32: 0x90, f64: 0x9e, f32x4: 0xfd006a, f64x2: 0xfd0094 });
export const sqrt = unary({ f32: 0x91, f64: 0x9f, f32x4: 0xfd00e3, f64x2: 0xfd00ef });

export const add = binary({ i32: 0x6a, f32: 0x92, f64: 0xa0, i32x4: 0xfd00ae, f32x4: 0xfd00e4, f64x2: 0xfd00f0 });
export const sub = binary({ i32: 0x6b, f32: 0x93, f64: 0xa1, i32x4: 0xfd00b1, f32x4: 0xfd00e5, f64x2: 0xfd00f1 });
export const mul = binary({ i32: 0x6c, f32: 0x94, f64: 0xa2, i32x4: 0xfd00b5, f32x4: 0xfd00e6, f64x2: 0xfd00f2 });
/** Integers: towards zero, signed. */
export const div = binary({ i32: 0x6d, f32: 0x95, f64: 0xa3, f32x4: 0xfd00e7, f64x2: 0xfd00f3 });
/** NaN if either is NaN; −0 < +0. Slower than pmin and pmax on x86. */
export const min = binary({ f32: 0x96, f64: 0xa4, i32x4: 0xfd00b6, f32x4: 0xfd00e8, f64x2: 0xfd00f4 });
export const max = binary({ f32: 0x97, f64: 0xa5, i32x4: 0xfd00b8, f32x4: 0xfd00e9, f64x2: 0xfd00f5 });
/** b < a ? b : a; one instruction. */
export const pmin = binary({ f32x4: 0xfd00ea, f64x2: 0xfd00f6 });
/** a < b ? b : a; one instruction. */
export const pmax = binary({ f32x4: 0xfd00eb, f64x2: 0xfd00f7 });

/** Operations on bits, for every type of lanes. */
const bitwise = (scalar: number, vector: number) => binary({ i32: scalar, i32x4: vector, i64x2: vector });
export const and = bitwise(0x71, 0xfd004e);
export const or = bitwise(0x72, 0xfd0050);
export const xor = bitwise(0x73, 0xfd0051);
export const not = unary({ i32x4: 0xfd004d, i64x2: 0xfd004d });

type Shift = <T extends "i32" | "i32x4">(a: Expr<T>, bits: Operand<"i32">) => Expr<T>;
const shift =
  (codes: Codes<"i32" | "i32x4">): Shift =>
  (a, bits) => ({
    type: a.type,
    emit: (to) => {
      a.emit(to);
      lift("i32", bits).emit(to);
      to.op(codes[a.type]);
    },
  });
export const shl = shift({ i32: 0x74, i32x4: 0xfd00ab });
/** Keeps the sign. */
export const shr = shift({ i32: 0x75, i32x4: 0xfd00ac });
/** Fills with zeros. */
export const shrU = shift({ i32: 0x76, i32x4: 0xfd00ad });

type Fused = <T extends "f32x4" | "f64x2">(a: Expr<T>, b: Operand<NoInfer<T>>, c: Operand<NoInfer<T>>) => Expr<T>;
/** One fused operation, or the product and then the sum: depending on the variant of the module. */
const fused =
  (codes: Codes<"f32x4" | "f64x2">, plain: Fused): Fused =>
  (a, b, c) => ({
    type: a.type,
    emit: (to) => {
      if (!to.variant.fma) return plain(a, b, c).emit(to);
      a.emit(to);
      lift(a.type, b).emit(to);
      lift(a.type, c).emit(to);
      to.op(codes[a.type]);
    },
  });
/** a·b + c */
export const madd = fused({ f32x4: 0xfd0105, f64x2: 0xfd0107 }, (a, b, c) => add(mul(a, b), c));
/** c − a·b */
export const nmadd = fused({ f32x4: 0xfd0106, f64x2: 0xfd0108 }, (a, b, c) => sub(lift(a.type, c), mul(a, b)));

// ---------------------------------------------------------------------------------------------------------------------
// Comparisons and choices

type MaskOf<T extends Type> = T extends "f64x2" | "i64x2" ? "i64x2" : T extends Vector ? "i32x4" : "i32";
type Compare<T extends Type> = <U extends T>(a: Expr<U>, b: Operand<NoInfer<U>>) => Expr<MaskOf<U>>;
const MASKS: { readonly [T in Type]: MaskOf<T> } = {
  i32: "i32", f32: "i32", f64: "i32", i32x4: "i32x4", i16x8: "i32x4", f32x4: "i32x4", f64x2: "i64x2", i64x2: "i64x2",
}; // biome-ignore format: one list
const compare =
  <T extends Type>(codes: Codes<T>): Compare<T> =>
  <U extends T>(a: Expr<U>, b: Operand<NoInfer<U>>) =>
    binaryTo<U, MaskOf<U>>(codes, (type) => MASKS[type])(a, b);

export const eq = compare({ i32: 0x46, f32: 0x5b, f64: 0x61, i32x4: 0xfd0037, f32x4: 0xfd0041, f64x2: 0xfd0047 });
export const lt = compare({ i32: 0x48, f32: 0x5d, f64: 0x63, i32x4: 0xfd0039, f32x4: 0xfd0043, f64x2: 0xfd0049 });
export const gt = compare({ i32: 0x4a, f32: 0x5e, f64: 0x64, i32x4: 0xfd003b, f32x4: 0xfd0044, f64x2: 0xfd004a });
export const ge = compare({ i32: 0x4e, f32: 0x60, f64: 0x66, i32x4: 0xfd003f, f32x4: 0xfd0046, f64x2: 0xfd004c });

/** mask ? a : b, bit by bit; the operand that is not chosen has no influence, even if NaN. */
export function bitselect<T extends "f32x4" | "f64x2" | "i32x4">(
  mask: Expr<MaskOf<T>>,
  a: Expr<T>,
  b: Operand<NoInfer<T>>,
): Expr<T> {
  return {
    type: a.type,
    emit: (to) => {
      a.emit(to);
      lift(a.type, b).emit(to);
      mask.emit(to);
      to.op(0xfd0052);
    },
  };
}

/** condition ? a : b; both are computed. */
export function select<T extends Type>(condition: Expr<"i32">, a: Expr<T>, b: Operand<NoInfer<T>>): Expr<T> {
  return {
    type: a.type,
    emit: (to) => {
      a.emit(to);
      lift(a.type, b).emit(to);
      condition.emit(to);
      to.op(0x1b);
    },
  };
}

const convert =
  <From extends Type, To extends Type>(type: To, code?: number) =>
  (a: Expr<From>): Expr<To> => ({
    type,
    emit: (to) => {
      a.emit(to);
      if (code !== undefined) to.op(code);
    },
  });

export const anyTrue = convert<"i32x4" | "i64x2", "i32">("i32", 0xfd0053);

// ---------------------------------------------------------------------------------------------------------------------
// Memory and lanes

/** log2 of the promised alignment: that of one element, since vectors may have any address. Costs nothing on x86 and ARM. */
const ALIGN = { i32: 2, f32: 2, f64: 3, f32x4: 2, f64x2: 3, i32x4: 2, i16x8: 0, i64x2: 3 };
const LANES = { f32x4: 4, i32x4: 4, f64x2: 2 };

const access = (to: FunctionBody, code: number, type: Type, offset: number): void => {
  to.op(code);
  to.bytes(ALIGN[type], ...unsigned(offset));
};

const loader =
  <T extends Type>(type: T, code: number) =>
  /** At `address` plus a fixed number of bytes. */
  (address: Expr<"i32">, offset = 0): Expr<T> => ({
    type,
    emit: (to) => {
      address.emit(to);
      access(to, code, type, offset);
    },
  });

const STORE: Codes<Exclude<Type, "i16x8" | "i64x2">> = {
  i32: 0x36,
  f32: 0x38,
  f64: 0x39,
  f32x4: 0xfd000b,
  f64x2: 0xfd000b,
  i32x4: 0xfd000b,
};
/** Writes a value at `address` + `offset` bytes. */
export function store(address: Expr<"i32">, value: Expr<keyof typeof STORE>, offset = 0): Statement {
  return statement((to) => {
    address.emit(to);
    value.emit(to);
    access(to, STORE[value.type], value.type, offset);
  });
}

/** Writes one lane. */
export function storeLane(address: Expr<"i32">, value: Expr<"f32x4">, lane: number, offset = 0): Statement {
  return statement((to) => {
    address.emit(to);
    value.emit(to);
    access(to, 0xfd005a, "f32x4", offset);
    to.bytes(lane);
  });
}

/** `into` with one lane read from memory. */
export function loadLane(address: Expr<"i32">, into: Expr<"f32x4">, lane: number, offset = 0): Expr<"f32x4"> {
  return {
    type: "f32x4",
    emit: (to) => {
      address.emit(to);
      into.emit(to);
      access(to, 0xfd0056, "f32x4", offset);
      to.bytes(lane);
    },
  };
}

type Laned = keyof typeof LANES;
const LANE_TYPE = { f32x4: "f32", f64x2: "f64", i32x4: "i32" } as const;
type LaneOf<T extends Laned> = (typeof LANE_TYPE)[T];
const EXTRACT = { i32x4: 0xfd001b, f32x4: 0xfd001f, f64x2: 0xfd0021 };

/** One lane as a scalar. */
export function lane<T extends Laned>(a: Expr<T>, index: number): Expr<LaneOf<T>> {
  return {
    type: LANE_TYPE[a.type],
    emit: (to) => {
      a.emit(to);
      to.op(EXTRACT[a.type]);
      to.bytes(index);
    },
  };
}

/** The chosen bytes of a (0 to 15) and b (16 to 31). */
export function shuffleBytes<T extends Vector>(a: Expr<T>, b: Expr<NoInfer<T>>, bytes: readonly number[]): Expr<T> {
  return {
    type: a.type,
    emit: (to) => {
      a.emit(to);
      b.emit(to);
      to.op(0xfd000d);
      to.bytes(...bytes);
    },
  };
}

/** The chosen lanes of a (0, 1, ...) and b (numbered after those of a). */
export function shuffle<T extends Laned>(a: Expr<T>, b: Expr<NoInfer<T>>, lanes: readonly number[]): Expr<T> {
  const width = 16 / LANES[a.type];
  const bytes = lanes.flatMap((from) => Array.from({ length: width }, (_, i) => from * width + i));
  return shuffleBytes(a, b, bytes);
}

const bulk = (code: number, zeros: number) => (first: Expr<"i32">, second: Operand<"i32">, bytes: Operand<"i32">) =>
  statement((to) => {
    first.emit(to);
    lift("i32", second).emit(to);
    lift("i32", bytes).emit(to);
    to.op(code);
    to.bytes(...new Array<number>(zeros).fill(0));
  });
/** memoryCopy(to, from, bytes); the two may overlap. */
export const memoryCopy = bulk(0xfc000a, 2);
/** memoryFill(to, byte, bytes) */
export const memoryFill = bulk(0xfc000b, 1);

// ---------------------------------------------------------------------------------------------------------------------
// The types

const common = <T extends Type>(type: T) => ({
  type,
  local: () => newLocal(type),
  /** Vectors: one value for all lanes, or one for each. */
  const: (...values: [number, ...number[]]) => constant(type, values),
});
const vector = <T extends Vector, S extends Scalar>(type: T, splat: number) => ({
  ...common(type),
  load: loader(type, 0xfd0000),
  splat: convert<S, T>(type, splat),
  /** The same bits. */
  reinterpret: convert<Vector, T>(type),
});

export const i32 = {
  ...common("i32"),
  load: loader("i32", 0x28),
  /** Towards zero; out of range gives the nearest integer, NaN 0. */
  truncSat: (a: Expr<"f32" | "f64">): Expr<"i32"> =>
    convert<"f32" | "f64", "i32">("i32", a.type === "f32" ? 0xfc0000 : 0xfc0002)(a),
  /** The same bits. */
  reinterpret: convert<"f32", "i32">("i32", 0xbc),
};
export const f32 = {
  ...common("f32"),
  load: loader("f32", 0x2a),
  convert: convert<"i32", "f32">("f32", 0xb2),
  demote: convert<"f64", "f32">("f32", 0xb6),
  /** The same bits. */
  reinterpret: convert<"i32", "f32">("f32", 0xbe),
};
export const f64 = {
  ...common("f64"),
  load: loader("f64", 0x2b),
  convert: convert<"i32", "f64">("f64", 0xb7),
  promote: convert<"f32", "f64">("f64", 0xbb),
};
export const f32x4 = {
  ...vector<"f32x4", "f32">("f32x4", 0xfd0013),
  /** One number in all lanes. */
  loadSplat: loader("f32x4", 0xfd0009),
  /** Two numbers in lanes 0 and 1, zeros in the others. */
  loadLow: loader("f32x4", 0xfd005d),
  convert: convert<"i32x4", "f32x4">("f32x4", 0xfd00fa),
  /** Two f64 to lanes 0 and 1, zeros in the others. */
  demote: convert<"f64x2", "f32x4">("f32x4", 0xfd005e),
};
export const f64x2 = {
  ...vector<"f64x2", "f64">("f64x2", 0xfd0014),
  /** Lanes 0 and 1. */
  promoteLow: convert<"f32x4", "f64x2">("f64x2", 0xfd005f),
};
export const i32x4 = {
  ...vector<"i32x4", "i32">("i32x4", 0xfd0011),
  /** Towards zero; out of range gives the nearest integer, NaN 0. */
  truncSat: convert<"f32x4", "i32x4">("i32x4", 0xfd00f8),
  /** Two f64 to lanes 0 and 1 in the same way, zeros in the others. */
  truncSatLow: convert<"f64x2", "i32x4">("i32x4", 0xfd00fc),
};
export const i16x8 = {
  ...common("i16x8"),
  load: loader("i16x8", 0xfd0000),
  /** Eight bytes, each with its sign. */
  loadBytes: loader("i16x8", 0xfd0001),
  /** Eight bytes, each from 0 to 255. */
  loadBytesU: loader("i16x8", 0xfd0002),
  /** The same bits. */
  reinterpret: convert<Vector, "i16x8">("i16x8"),
};
export const i64x2 = { ...common("i64x2"), reinterpret: convert<Vector, "i64x2">("i64x2") };
