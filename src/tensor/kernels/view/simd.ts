/**
 * A view of an image, four pixels at once.
 *
 *     p = Σ tent(u − i)·tent(v − j)·pixel(i, j)        out = α − clamp(M·p, 0, α)
 *
 * A lane is a pixel of the view, so that weights and colours need no shuffle; only the bytes come from four addresses. A pixel
 * and its right neighbour are 8 bytes, one load. Where all four lie outside the image, nothing is read.
 */
import type { Heap } from "../../heap.ts";
import { type Code, type Expr, func, type Local, type Variant } from "../../wasm/assembler.ts";
import {
  add, and, anyTrue, f32, f32x4, floor, gt, i32, i32x4, lane, lt, madd, mul, pmax, pmin, shl, shrU, shuffle, store, sub,
} from "../../wasm/instructions.ts"; // biome-ignore format: one list
import { inc, range, when } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { vectors } from "../../wasm/rows.ts";
import { scratch } from "../scratch.ts";
import type { ViewKernels } from "./interface.ts";

type V = Local<"f32x4">;

const LANES = 4;
const PIXEL = 12; // bytes of three numbers
/** Scratch: the last pixels of a row whose length is not a multiple of four, then place, colour, scale. */
const TAIL = LANES * PIXEL;
const NUMBERS = 6 + 12 + 1;

/** The two pixels around a place along one axis; `code` computes the first and the weights of both. */
interface Around {
  readonly code: Code;
  readonly first: V;
  readonly weights: readonly [V, V];
}

/** Along one axis: the first of the two pixels around t, kept inside, and the weights of both. */
function axis(t: V, last: V): Around {
  const [first, d, near, far] = vectors(4);
  const atLeast0 = (x: Expr<"f32x4">): Expr<"f32x4"> => pmax(f32x4.const(0), x); // in this order NaN becomes 0
  return {
    code: [
      first.set(pmin(atLeast0(floor(t)), last)),
      d.set(sub(t, first)),
      near.set(atLeast0(pmin(add(d, 1), sub(f32x4.const(1), d)))), // tent(d) = max(0, min(1 + d, 1 − d))
      far.set(atLeast0(pmin(d, sub(f32x4.const(2), d)))), // tent(d − 1)
    ],
    first,
    weights: [near, far],
  };
}

/** Four times a pixel and its right neighbour: the left ones, the right ones. */
function pairs(at: readonly Expr<"i32">[], left: V, right: V): Code {
  const [a, b, c, d] = vectors(4);
  return [
    [a, b, c, d].map((v, i) => v.set(f32x4.loadLow(at[i]))),
    a.set(shuffle(a, b, [0, 4, 1, 5])),
    c.set(shuffle(c, d, [0, 4, 1, 5])),
    left.set(shuffle(a, c, [0, 1, 4, 5])),
    right.set(shuffle(a, c, [2, 3, 6, 7])),
  ];
}

/** Channel k of four pixels as numbers. */
function channel(pixels: V, k: number): Expr<"f32x4"> {
  const bits = i32x4.reinterpret(pixels);
  return f32x4.convert(k === 3 ? shrU(bits, 24) : and(k === 0 ? bits : shrU(bits, 8 * k), 255));
}

/** [r r r r] [g g g g] [b b b b] → [r g b r] [g b r g] [b r g b]; two lanes of each operand are one instruction. */
function storePixels(at: Expr<"i32">, [r, g, b]: readonly V[]): Code {
  const [rg, gb, br] = vectors(3);
  return [
    rg.set(shuffle(r, g, [0, 2, 4, 6])),
    gb.set(shuffle(g, b, [1, 3, 5, 7])),
    br.set(shuffle(b, r, [0, 2, 5, 7])),
    store(at, shuffle(rg, br, [0, 2, 4, 6])),
    store(at, shuffle(gb, rg, [0, 2, 5, 7]), 16),
    store(at, shuffle(br, gb, [1, 3, 5, 7]), 32),
  ];
}

/** Four pixels of the image at the place that `across` and `down` name: p = Σ weight·pixel, a vector for each channel. */
function sampled(
  picture: Expr<"i32">,
  stored: Expr<"i32">,
  stride: Expr<"i32">,
  across: Around,
  down: Around,
  p: readonly V[],
): Code {
  const index = i32x4.local();
  const at = [0, 1, 2, 3].map(() => i32.local());
  const [left, right, factor] = vectors(3);
  return [
    index.set(i32x4.truncSat(madd(down.first, f32x4.convert(i32x4.splat(stored)), across.first))),
    index.set(add(shl(index, 2), i32x4.splat(picture))),
    at.map((address, i) => address.set(lane(index, i))),
    // One row of the image after the other, one pixel after the other: few values are live at once.
    down.weights.map((weight, row) => [
      row === 0 ? [] : at.map((address) => inc(address, stride)),
      pairs(at, left, right),
      [left, right].map((pixels, i) => [
        factor.set(mul(across.weights[i], weight)),
        p.map((sum, k) =>
          sum.set(row === 0 && i === 0 ? mul(channel(pixels, k), factor) : madd(channel(pixels, k), factor, sum)),
        ),
      ]),
    ]),
  ];
}

/** α − clamp(M·p, 0, α) for each of three channels; `colour` holds the rows of M. */
const painted = (p: readonly V[], colour: readonly V[], out: readonly V[]): Code =>
  out.map((value, k) => {
    const [m0, m1, m2, m3] = colour.slice(4 * k, 4 * k + 4);
    const mapped = madd(p[3], m3, madd(p[2], m2, madd(p[1], m1, mul(p[0], m0))));
    return value.set(sub(p[3], pmin(pmax(mapped, 0), p[3])));
  });

const draw = func([i32, i32, i32, i32, i32, i32], (stored, picture, side, out, tail, numbers) => {
  const all = vectors(NUMBERS);
  const [place, colour, scale] = [all.slice(0, 6), all.slice(6, 18), all[18]];
  const [a, b, c, d, e, f] = place;
  const [last, ys, xs, uRow, vRow, u, v] = vectors(7);
  const [x, y, i, width, stride] = [0, 1, 2, 3, 4].map(() => i32.local());
  const across = axis(u, last);
  const down = axis(v, last);
  const p = vectors(4);
  const out3 = vectors(3);

  const sample = sampled(picture, stored, stride, across, down, p);
  const paint = painted(p, colour, out3);
  const isInside = (): Expr<"i32"> => {
    const [w, h] = [add(...across.weights), add(...down.weights)];
    return anyTrue(gt(mul(w, h), 0));
  };

  return [
    all.map((vector, i) => vector.set(f32x4.loadSplat(numbers, 4 * i))),
    last.set(f32x4.convert(i32x4.splat(sub(stored, 2)))),
    stride.set(shl(stored, 2)),
    range(y, 0, side, 1, [
      uRow.set(madd(ys, b, c)),
      vRow.set(madd(ys, e, f)),
      xs.set(f32x4.const(0, 1, 2, 3)),
      range(x, 0, side, LANES, [
        u.set(madd(xs, a, uRow)),
        v.set(madd(xs, d, vRow)),
        across.code,
        down.code,
        down.weights.map((weight) => weight.set(mul(weight, scale))),
        when(
          isInside(),
          [sample, paint],
          out3.map((value) => value.set(f32x4.const(0))),
        ),
        width.set(sub(side, x)),
        when(
          lt(width, LANES),
          [
            storePixels(tail, out3),
            range(i, 0, mul(width, PIXEL), 4, [store(out, f32.load(add(tail, i))), inc(out, 4)]),
          ],
          [storePixels(out, out3), inc(out, TAIL)],
        ),
        xs.set(add(xs, LANES)),
      ]),
      ys.set(add(ys, 1)),
    ]),
  ];
});

export function simdView(heap: Heap, variant: Variant): ViewKernels {
  const wasm = instantiate(heap.memory, variant, { draw });
  const block = scratch(heap);
  return {
    drawView({ stored, picture, place, colour, scale, side, out }) {
      const tail = block(TAIL + 4 * NUMBERS);
      const numbers = tail + TAIL;
      const N = numbers / 4;
      for (let i = 0; i < 6; i++) heap.f32[N + i] = place[i]; // faster than `set` with an array
      for (let i = 0; i < 12; i++) heap.f32[N + 6 + i] = colour[i];
      heap.f32[N + 18] = scale;
      wasm.draw(stored, picture, side, out, tail, numbers);
    },
  };
}
