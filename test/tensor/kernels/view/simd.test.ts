import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Heap } from "../../../../src/tensor/heap.ts";
import type { ViewArgs } from "../../../../src/tensor/kernels/view/interface.ts";
import { simdView } from "../../../../src/tensor/kernels/view/simd.ts";
import { Rng } from "../../../../src/tensor/random.ts";
import { expectClose, heap, oracle, run, sameBits, seeds, U, uniform, VARIANTS } from "../arena.ts";

type Draw = (args: ViewArgs) => void;
type Look = Omit<ViewArgs, "picture" | "out">;

const IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

/** Any bytes, four of them a number. */
const pictureOf = (stored: number, seed: number): Uint8Array => {
  const rng = new Rng(seed);
  return Uint8Array.from({ length: stored * stored * 4 }, () => rng.integer(256));
};
const show = (draw: Draw, picture: Uint8Array, look: Look): Float32Array =>
  run([new Float32Array(picture.buffer)], [look.side ** 2 * 3], ([at], [out]) =>
    draw({ ...look, picture: at, out }),
  )[0];

/** Every side around the four lanes, images from the smallest on, and places that rotate, mirror, enlarge and miss them. */
const looks = fc
  .record({ stored: fc.integer({ min: 2, max: 50 }), side: fc.integer({ min: 1, max: 35 }), seed: seeds })
  .map(({ stored, side, seed }) => {
    const [a, b, d, e] = uniform(4, seed, 3);
    const [c, f] = uniform(2, seed + 1, stored, stored / 2);
    const place = [a, b, c, d, e, f] as const;
    const colour = [...uniform(12, seed + 2, 1.5)];
    return { picture: pictureOf(stored, seed), look: { stored, side, place, colour, scale: 2 / 255 } };
  });

/** The kernel's own order of operations, each rounded to f32: what WebAssembly fixes to the last bit. */
function rounded(picture: Uint8Array, { stored, side, place, colour, scale }: Look): Float32Array {
  const r = Math.fround;
  const [a, b, c, d, e, f] = place.map(r);
  const m = colour.map(r);
  const axis = (t: number): { first: number; weights: number[] } => {
    const first = Math.min(Math.max(0, Math.floor(t)), stored - 2);
    const s = r(t - first);
    const near = Math.max(0, Math.min(r(s + 1), r(1 - s)));
    return { first, weights: [near, Math.max(0, Math.min(s, r(2 - s)))] };
  };
  const out = new Float32Array(side * side * 3);
  for (let i = 0; i < side * side; i++) {
    const [x, y] = [i % side, Math.floor(i / side)];
    const across = axis(r(r(x * a) + r(r(y * b) + c)));
    const down = axis(r(r(x * d) + r(r(y * e) + f)));
    const p = [0, 1, 2, 3].map((k) => {
      let sum = 0;
      for (const row of [0, 1]) {
        for (const column of [0, 1]) {
          const factor = r(across.weights[column] * r(down.weights[row] * r(scale)));
          const byte = picture[((down.first + row) * stored + across.first + column) * 4 + k];
          sum = r(sum + r(byte * factor));
        }
      }
      return sum;
    });
    for (let k = 0; k < 3; k++) {
      let mapped = r(p[0] * m[4 * k]);
      for (const j of [1, 2, 3]) mapped = r(mapped + r(p[j] * m[4 * k + j]));
      out[3 * i + k] = p[3] - Math.min(Math.max(mapped, 0), p[3]);
    }
  }
  return out;
}

describe.each(VARIANTS)("drawView, %o", (variant) => {
  const { drawView: draw } = simdView(heap, variant);

  test("equals the oracle for every size, place and colour map", () => {
    fc.assert(
      fc.property(looks, ({ picture, look }) => {
        const { place, colour, scale, side } = look;
        const size = (values: readonly number[]) => values.reduce((sum, value) => sum + Math.abs(value), 0);
        // A place is off by a few roundings of its size, a weight by as much; four of them and the colours scale that up.
        const weights = 4 * (3 * side * size(place) + 10) * U;
        const bound = weights * 255 * scale * (1 + size(colour));
        expectClose(show(draw, picture, look), show(oracle.drawView, picture, look), () => bound);
      }),
    );
  });

  test("copies an image that is shifted by whole pixels, as ink, and is 0 around it", () => {
    const shift = fc.integer({ min: -60, max: 60 });
    fc.assert(
      fc.property(looks, shift, shift, ({ picture, look: { stored, side } }, right, down) => {
        const look = { stored, side, place: [1, 0, right, 0, 1, down] as const, colour: IDENTITY, scale: 1 };
        const want = Float32Array.from({ length: side * side * 3 }, (_, i) => {
          const [x, y] = [(Math.floor(i / 3) % side) + right, Math.floor(i / 3 / side) + down];
          if (Math.min(x, y) < 0 || Math.max(x, y) >= stored) return 0;
          const at = (y * stored + x) * 4;
          return Math.max(0, picture[at + 3] - picture[at + (i % 3)]);
        });
        expect(sameBits(show(draw, picture, look), want)).toBe(true);
        expect(sameBits(show(oracle.drawView, picture, look), want)).toBe(true);
      }),
    );
  });

  test("reads nothing outside the image, whatever the place", () => {
    const own = new Heap();
    const { drawView: drawOwn } = simdView(own, variant);
    const out = own.allocate(9 * 9 * 3 * 4);
    const number = fc.constantFrom(0, 0.7, -1.3, 40, -1e9, 1e30, Number.POSITIVE_INFINITY, Number.NaN);
    fc.assert(
      fc.property(fc.tuple(number, number, number, number, number, number), (place) => {
        const look = { place, colour: IDENTITY, scale: 1, side: 9, out };
        // At the end of memory, or at its beginning (the first 64 bytes are unused), a read outside the image traps.
        for (const stored of [2, 3, 48]) {
          drawOwn({ ...look, stored, picture: own.memory.buffer.byteLength - stored * stored * 4 });
        }
        for (const stored of [2, 4]) drawOwn({ ...look, stored, picture: 0 });
      }),
    );
  });
});

test("drawView without fused multiply-add does each operation once, rounded to f32: the same bits on every engine", () => {
  const { drawView: draw } = simdView(heap, { fma: false });
  fc.assert(
    fc.property(looks, ({ picture, look }) => {
      expect(sameBits(show(draw, picture, look), rounded(picture, look))).toBe(true);
    }),
  );
});
