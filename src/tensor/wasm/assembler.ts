/**
 * WebAssembly written as typed expressions instead of stack operations.
 *
 * An expression knows its type and how to emit itself; `tsc` rejects whatever the validator of the engine would reject, and
 * more: the five kinds of vector (f32x4, f64x2, i32x4, i16x8, i64x2) are one type to the engine and five to the compiler.
 *
 * How to write a kernel: y += a·x over n numbers, four at a time (n a multiple of 4 here).
 *
 *     const axpy = func([i32, f32, i32, i32], (n, a, x, y) => {
 *       const i = i32.local();
 *       const va = f32x4.local();
 *       return [
 *         va.set(f32x4.splat(a)),
 *         range(i, 0, n, 4, [store(y, madd(va, f32x4.load(x), f32x4.load(y))), inc(x, 16), inc(y, 16)]),
 *       ];
 *     });
 *     const kernels = instantiate(heap.memory, { fma: true }, { axpy });
 *     kernels.axpy(1024, 0.5, xAddress, yAddress); // (n: number, a: number, x: number, y: number) => void
 *
 * - An expression is a formula, not a value: used twice it is computed twice. `local.set(...)` (or `tee`) computes once.
 * - A plain function that returns expressions is inlined, `func` + `call` is a call. `seq([...], value)` is a value with
 *   statements before it, so an inlined formula may have locals of its own.
 * - Code is a statement or a list of code, nested to any depth: loops over tiles are `map`, and nothing needs spreading.
 * - A plain number may be any operand but the first. Vector constants live in locals that are set at the start of
 *   the function: the engine (Node >= 24) would rebuild a `v128.const` inside a loop in every iteration.
 * - Addresses are i32 and wrap: count with `range`, advance addresses with `inc`, and do not compare addresses.
 *
 * Files: assembler (this one), instructions (all operations), loops (control), rows (a vector at a time along a row), transpose
 * (a 4 × 4 block), module (functions to an instance).
 * Source: WebAssembly Core Specification 2.0 and the relaxed SIMD proposal.
 */

export type Scalar = "i32" | "f32" | "f64";
export type Vector = "f32x4" | "f64x2" | "i32x4" | "i16x8" | "i64x2";
export type Type = Scalar | Vector;

/** Code that leaves one value of type T on the stack. */
export interface Expr<T extends Type> {
  readonly type: T;
  readonly emit: (to: FunctionBody) => void;
}

/** A vector of four f32 numbers. */
export type F32x4 = Expr<"f32x4">;

/** Code that leaves nothing on the stack. */
export interface Statement {
  readonly type: "void";
  readonly emit: (to: FunctionBody) => void;
}
export type Code = Statement | readonly Code[];

/** An operand; a plain number stands for a constant of the expected type. */
export type Operand<T extends Type> = Expr<T> | number;

export interface Local<T extends Type> extends Expr<T> {
  readonly set: (value: Operand<T>) => Statement;
  /** Sets the variable and leaves the value. */
  readonly tee: (value: Operand<T>) => Expr<T>;
}

/** A function of a module; P are the types of its parameters. */
export interface Func<P extends readonly Type[], R extends Type | "void"> {
  readonly params: readonly Expr<Type>[];
  readonly result: R;
  readonly body: Expr<Type> | Code;
  /** Never set: it carries P for the compiler. */
  readonly types?: P;
}
export type AnyFunc = Func<readonly Type[], Type | "void">;

/** The instructions that a build of a kernel may use. */
export interface Variant {
  /** `madd` is one fused operation (relaxed SIMD) instead of a product and a sum. */
  readonly fma: boolean;
}

const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const LOCAL_TEE = 0x22;
const CALL = 0x10;
const DROP = 0x1a;
const SIMD = 0xfd;
const V128_CONST = 0x0c;
const V128 = 0x7b;
const VALUE_TYPE = { i32: 0x7f, f32: 0x7d, f64: 0x7c, f32x4: V128, f64x2: V128, i32x4: V128, i16x8: V128, i64x2: V128 };

/** The byte of a type in the binary format. */
export const valueType = (type: Type): number => VALUE_TYPE[type];

/** Unsigned LEB128: seven bits a byte, low bits first, the high bit says that more follow. */
export function unsigned(value: number): number[] {
  const out: number[] = [];
  let rest = value >>> 0;
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  out.push(rest);
  return out;
}

/** Signed LEB128 of a 32-bit integer: the last byte's bit 6 is the sign. */
export function signed(value: number): number[] {
  const out: number[] = [];
  let rest = value | 0;
  while (rest < -64 || rest > 63) {
    out.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  out.push(rest & 0x7f);
  return out;
}

/** The bytes of one function while it is written; numbers its locals and collects its vector constants. */
export class FunctionBody {
  readonly variant: Variant;
  readonly #indexOf: (callee: AnyFunc) => number;
  readonly #bytes: number[] = [];
  readonly #prologue: number[] = [];
  readonly #locals = new Map<Expr<Type>, number>();
  readonly #constants = new Map<string, number>();
  readonly #types: number[] = [];
  readonly #paramCount: number;

  constructor(func: AnyFunc, variant: Variant, indexOf: (callee: AnyFunc) => number) {
    this.variant = variant;
    this.#indexOf = indexOf;
    this.#paramCount = func.params.length;
    func.params.forEach((param, i) => {
      this.#locals.set(param, i);
    });
    emit(this, func.body);
  }

  bytes(...values: number[]): void {
    this.#bytes.push(...values);
  }

  /** An opcode: one byte, or a prefix byte and a number (0xfd0105 is prefix 0xfd, operation 0x105). */
  op(code: number): void {
    if (code > 0xffff) this.bytes(code >>> 16, ...unsigned(code & 0xffff));
    else this.bytes(code);
  }

  local(op: number, local: Expr<Type>): void {
    let index = this.#locals.get(local);
    if (index === undefined) {
      index = this.#newLocal(local.type);
      this.#locals.set(local, index);
    }
    this.bytes(op, ...unsigned(index));
  }

  /** Reads a vector constant from the local that holds it. */
  constant(type: Vector, bits: Uint8Array): void {
    const key = bits.join();
    let index = this.#constants.get(key);
    if (index === undefined) {
      index = this.#newLocal(type);
      this.#constants.set(key, index);
      this.#prologue.push(SIMD, V128_CONST, ...bits, LOCAL_SET, ...unsigned(index));
    }
    this.bytes(LOCAL_GET, ...unsigned(index));
  }

  call(callee: AnyFunc): void {
    this.bytes(CALL, ...unsigned(this.#indexOf(callee)));
  }

  /** The function in the format of the code section: size, declarations of locals, instructions, end. */
  encode(): number[] {
    const declarations = this.#types.flatMap((type) => [1, type]);
    const body = [...unsigned(this.#types.length), ...declarations, ...this.#prologue, ...this.#bytes, 0x0b];
    return [...unsigned(body.length), ...body];
  }

  #newLocal(type: Type): number {
    this.#types.push(valueType(type));
    return this.#paramCount + this.#types.length - 1;
  }
}

/** Writes an expression, a statement or a list of them. */
export function emit(to: FunctionBody, code: Expr<Type> | Code): void {
  if ("emit" in code) code.emit(to);
  else for (const part of code) emit(to, part);
}

export const statement = (write: (to: FunctionBody) => void): Statement => ({ type: "void", emit: write });

/** The operand as an expression: numbers become constants. */
export function lift<T extends Type>(type: T, value: Operand<T>): Expr<T> {
  return typeof value === "number" ? constant(type, [value]) : value;
}

/** A constant; a vector of fewer values than lanes repeats them. */
export function constant<T extends Type>(type: T, values: readonly number[]): Expr<T> {
  const at = (i: number) => values[i % values.length];
  switch (type) {
    case "i32":
      return { type, emit: (to) => to.bytes(0x41, ...signed(at(0))) };
    case "f32":
      return { type, emit: (to) => to.bytes(0x43, ...new Uint8Array(Float32Array.of(at(0)).buffer)) };
    case "f64":
      return { type, emit: (to) => to.bytes(0x44, ...new Uint8Array(Float64Array.of(at(0)).buffer)) };
    case "f64x2":
      return vectorConstant(type, Float64Array.of(at(0), at(1)).buffer);
    case "f32x4":
      return vectorConstant(type, Float32Array.of(at(0), at(1), at(2), at(3)).buffer);
    case "i32x4":
      return vectorConstant(type, Int32Array.of(at(0), at(1), at(2), at(3)).buffer);
    case "i16x8":
      return vectorConstant(type, Int16Array.from({ length: 8 }, (_, i) => at(i)).buffer);
    default: // i64x2, a mask: −1 is all ones
      return vectorConstant(type, BigInt64Array.of(BigInt(at(0)), BigInt(at(1))).buffer);
  }
}

function vectorConstant<T extends Type>(type: T, buffer: ArrayBuffer): Expr<T> {
  const bits = new Uint8Array(buffer);
  return { type, emit: (to) => to.constant(type as T & Vector, bits) };
}

/** A variable of a function; 0 before it is set. */
export function newLocal<T extends Type>(type: T): Local<T> {
  const local: Local<T> = {
    type,
    emit: (to) => to.local(LOCAL_GET, local),
    set: (value) =>
      statement((to) => {
        lift(type, value).emit(to);
        to.local(LOCAL_SET, local);
      }),
    tee: (value) => ({
      type,
      emit: (to) => {
        lift(type, value).emit(to);
        to.local(LOCAL_TEE, local);
      },
    }),
  };
  return local;
}

type Named = { readonly type: Type };
type TypesOf<D extends readonly Named[]> = { readonly [i in keyof D]: D[i]["type"] };
type LocalsOf<D extends readonly Named[]> = { [i in keyof D]: Local<D[i]["type"]> };
type ResultOf<R> = R extends Expr<infer T> ? T : "void";

/** A function: parameters by type, and a body that returns code, or the expression that is its result. */
export function func<const D extends readonly Named[], R extends Expr<Type> | Code>(
  params: D,
  body: (...params: LocalsOf<D>) => R,
): Func<TypesOf<D>, ResultOf<R>> {
  const locals = params.map(({ type }) => newLocal(type));
  const code = body(...(locals as LocalsOf<D>));
  const result = ("emit" in code ? code.type : "void") as ResultOf<R>;
  return { params: locals, result, body: code };
}

type Arguments<P extends readonly Type[]> = { [i in keyof P]: Operand<P[i]> };
type CallOf<R> = R extends Type ? Expr<R> : Statement;

/** Calls a function of the same module. */
export function call<P extends readonly Type[], R extends Type | "void">(
  callee: Func<P, R>,
  ...args: Arguments<P>
): CallOf<R> {
  const write = (to: FunctionBody): void => {
    callee.params.forEach((param, i) => {
      lift(param.type, (args as readonly Operand<Type>[])[i]).emit(to);
    });
    to.call(callee);
  };
  return { type: callee.result, emit: write } as CallOf<R>;
}

/** Statements, then a value: an expression that needs locals of its own. */
export function seq<T extends Type>(code: Code, value: Expr<T>): Expr<T> {
  return {
    type: value.type,
    emit: (to) => {
      emit(to, code);
      value.emit(to);
    },
  };
}

/** Computes a value and discards it: a call for its effect. */
export function drop(value: Expr<Type>): Statement {
  return statement((to) => {
    value.emit(to);
    to.bytes(DROP);
  });
}
