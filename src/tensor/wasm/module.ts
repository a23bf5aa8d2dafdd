/**
 * Functions to a running instance: encodes a module with the exported functions and all that they call.
 *
 * The module imports one shared memory. Sections, each `id, size, contents`: 1 types, 2 imports, 3 functions (the type of
 * each), 7 exports, 10 code.
 */
import {
  type AnyFunc,
  type Func,
  FunctionBody,
  type Scalar,
  type Type,
  unsigned,
  type Variant,
  valueType,
} from "./assembler.ts";

type Parameters<P extends readonly Type[]> = { [i in keyof P]: P[i] extends Scalar ? number : never };
type JsFunction<F> =
  F extends Func<infer P, infer R> ? (...args: Parameters<P>) => R extends Type ? number : void : never;

const MAX_PAGES = 65536; // like the heap: 4 GiB
const SHARED_WITH_MAXIMUM = 0x03;

const text = (value: string): number[] => [...unsigned(value.length), ...new TextEncoder().encode(value)];
const list = (entries: readonly (readonly number[])[]): number[] => [...unsigned(entries.length), ...entries.flat()];
const section = (id: number, contents: readonly number[]): number[] => [id, ...unsigned(contents.length), ...contents];

/** The module's bytes. */
export function encode(variant: Variant, exports: { readonly [name: string]: AnyFunc }): Uint8Array<ArrayBuffer> {
  const index = new Map<AnyFunc, number>();
  const indexOf = (func: AnyFunc): number => {
    let found = index.get(func);
    if (found === undefined) {
      found = index.size;
      index.set(func, found); // `for of` below also visits those added while it runs
    }
    return found;
  };
  const names = Object.entries(exports).map(([name, func]) => [...text(name), 0x00, ...unsigned(indexOf(func))]);
  const types: number[][] = [];
  const code: number[][] = [];
  for (const [func] of index) {
    const result = func.result === "void" ? [] : [[valueType(func.result)]];
    types.push([0x60, ...list(func.params.map(({ type }) => [valueType(type)])), ...list(result)]);
    code.push(new FunctionBody(func, variant, indexOf).encode());
  }
  const memory = [...text("env"), ...text("memory"), 0x02, SHARED_WITH_MAXIMUM, ...unsigned(1), ...unsigned(MAX_PAGES)];
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, list(types)),
    ...section(2, list([memory])),
    ...section(3, list(types.map((_, i) => unsigned(i)))),
    ...section(7, list(names)),
    ...section(10, list(code)),
  ]); // biome-ignore format: a line for each section
}

/** Compiles the functions for one variant; returns them under the same names, to be called with numbers. */
export function instantiate<F extends { readonly [name: string]: AnyFunc }>(
  memory: WebAssembly.Memory,
  variant: Variant,
  exports: F,
): { readonly [name in keyof F]: JsFunction<F[name]> } {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(encode(variant, exports)), { env: { memory } });
  return instance.exports as { [name in keyof F]: JsFunction<F[name]> };
}

/** Whether this engine has the instructions of a variant. */
export function supports(variant: Variant, exports: { readonly [name: string]: AnyFunc }): boolean {
  return WebAssembly.validate(encode(variant, exports));
}
