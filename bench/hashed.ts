/**
 * Random weights that any language draws alike: the finaliser of MurmurHash3 on 0, 1, 2, ..., as numbers in −½..½.
 *
 * `peers/vit-b16.py` draws the same, so both compute the same embeddings.
 */
import { parametersOf, skipInit } from "../src/nn/index.ts";
import type { Tensor } from "../src/tensor/index.ts";

/** Fills tensors one after the other, each times a scale; `count` numbers were drawn before. */
export function hashed(count = 0): (x: Tensor, scale: number) => void {
  let at = count;
  const next = (): number => {
    let h = at++;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32 - 0.5;
  };
  return ({ data }, scale) => {
    for (let i = 0; i < data.length; i++) data[i] = next() * scale;
  };
}

/** A module whose kernels and tables keep the variance of their inputs; `fill` draws what comes after it, such as images. */
export function withHashedWeights<T extends object>(build: () => T, fill = hashed()): T {
  const module = skipInit(build);
  for (const { value } of parametersOf(module).values()) {
    const axes = value.shape.length;
    if (axes > 1) fill(value, Math.sqrt(12 / value.shape[axes - 2]));
  }
  return module;
}
