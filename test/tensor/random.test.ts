import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { philox, Rng } from "../../src/tensor/random.ts";
import { seeds } from "../support/generators.ts";

const hex = (words: Uint32Array): string => [...words].map((word) => word.toString(16).padStart(8, "0")).join(" ");
const draw = (rng: Rng, n: number): number[] => Array.from({ length: n }, () => rng.uniform());

describe("philox", () => {
  it("gives the known answers of Random123 for Philox 4×32 with 10 rounds", () => {
    const out = new Uint32Array(4);
    philox([0, 0, 0, 0], 0, 0, out);
    expect(hex(out)).toBe("6627e8d5 e169c58d bc57ac4c 9b00dbd8");
    const all = 0xffffffff;
    philox([all, all, all, all], all, all, out);
    expect(hex(out)).toBe("408f276d 41c83b0e a20bc7c6 6d5451fd");
    // Digits of π.
    philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], 0xa4093822, 0x299f31d0, out);
    expect(hex(out)).toBe("d16cfe09 94fdcceb 5001e420 24126ea1");
  });

  it("gives different words for different counters and keys", () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat()),
        fc.nat(),
        fc.nat(),
        fc.nat(5),
        (counter, k0, k1, at) => {
          const [one, two] = [new Uint32Array(4), new Uint32Array(4)];
          philox(counter, k0, k1, one);
          const moved = counter.map((word, i) => (i === at ? word + 1 : word));
          philox(moved, at === 4 ? k0 + 1 : k0, at === 5 ? k1 + 1 : k1, two);
          expect(hex(two)).not.toBe(hex(one));
        },
      ),
    );
  });
});

describe("Rng", () => {
  it("gives the words of philox at counters 0, 1, 2, … under the key of its seed", () => {
    const rng = new Rng(5 + 7 * 2 ** 32);
    const out = new Uint32Array(4);
    for (let block = 0; block < 3; block++) {
      philox([block, 0, 0, 0], 5, 7, out);
      expect([rng.bits(), rng.bits(), rng.bits(), rng.bits()]).toEqual([...out]);
    }
  });

  it("gives the same numbers for the same seed and names, whatever else was drawn or split", () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), fc.string(), fc.nat(20), (seed, name, other, n) => {
        const busy = new Rng(seed);
        draw(busy, n);
        draw(busy.split(other), n);
        expect(draw(busy.split(name), 5)).toEqual(draw(new Rng(seed).split(name), 5));
        const split = new Rng(seed);
        split.split(other);
        expect(draw(split, 5)).toEqual(draw(new Rng(seed), 5));
      }),
    );
  });

  it("gives different numbers for different names, numbers and paths", () => {
    fc.assert(
      fc.property(seeds, fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (seed, one, two) => {
        fc.pre(one !== two);
        expect(draw(new Rng(seed).split(one), 2)).not.toEqual(draw(new Rng(seed).split(two), 2));
      }),
    );
    const rng = new Rng(1);
    const paths = [
      rng,
      rng.split("a"),
      rng.split("b"),
      rng.split("ab"),
      rng.split("a").split("b"),
      rng.split(""),
      rng.split(0),
      rng.split(1),
      rng.split("0"),
      rng.split("abc"),
      rng.split("abcd"),
    ];
    expect(new Set(paths.map((path) => path.uniform())).size).toBe(paths.length);
  });

  it("gives uncorrelated splits", () => {
    const n = 20_000;
    const [a, b] = [new Rng(3).split("a"), new Rng(3).split("b")];
    let product = 0;
    for (let i = 0; i < n; i++) product += a.normal() * b.normal();
    expect(Math.abs(product / n)).toBeLessThan(5 / Math.sqrt(n)); // five standard errors
  });

  it("draws uniform numbers in [0, 1) with the moments of the uniform distribution", () => {
    const n = 50_000;
    const values = draw(new Rng(11), n);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const mean = values.reduce((sum, value) => sum + value, 0) / n;
    const square = values.reduce((sum, value) => sum + value * value, 0) / n;
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(5 / Math.sqrt(12 * n));
    expect(Math.abs(square - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / n));
    const between = new Rng(11).between(-3, 5);
    expect(between).toBe(-3 + 8 * values[0]);
  });

  it("draws normal numbers with the first four moments of the normal distribution", () => {
    const n = 50_000;
    const rng = new Rng(12);
    const sums = [0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const x = rng.normal();
      for (let k = 0; k < 4; k++) sums[k] += x ** (k + 1) / n;
    }
    // Variances of x, x², x³, x⁴: 1, 2, 15, 96.
    [0, 1, 0, 3].forEach((moment, k) => {
      expect(Math.abs(sums[k] - moment)).toBeLessThan(5 * Math.sqrt([1, 2, 15, 96][k] / n));
    });
  });

  it("draws truncated normals within their bound, with the variance of the truncated distribution", () => {
    const n = 50_000;
    const rng = new Rng(13);
    let squares = 0;
    for (let i = 0; i < n; i++) {
      const x = rng.truncatedNormal(2);
      expect(Math.abs(x)).toBeLessThanOrEqual(2);
      squares += x * x;
    }
    expect(Math.sqrt(squares / n)).toBeCloseTo(0.8796, 2);
  });

  it("draws integers below n, each as often as the others", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), seeds, (n, seed) => {
        const x = new Rng(seed).integer(n);
        expect(Number.isInteger(x) && x >= 0 && x < n).toBe(true);
      }),
    );
    const counts = new Array<number>(7).fill(0);
    const rng = new Rng(14);
    for (let i = 0; i < 70_000; i++) counts[rng.integer(7)]++;
    const chi2 = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chi2).toBeLessThan(22.5); // 99.9 % of six degrees of freedom
    // n just above 2^31 would favour small numbers without rejection: a third of all draws instead of half lies above.
    let upper = 0;
    for (let i = 0; i < 20_000; i++) if (rng.integer(3 * 2 ** 30) >= 1.5 * 2 ** 30) upper++;
    expect(Math.abs(upper / 20_000 - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / 20_000));
  });

  it("gives permutations: every number once, every order equally likely", () => {
    fc.assert(
      fc.property(fc.nat(50), seeds, (n, seed) => {
        expect([...new Rng(seed).permutation(n)].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
    const orders = new Map<string, number>();
    const rng = new Rng(15);
    for (let i = 0; i < 6000; i++) {
      const order = rng.permutation(3).join("");
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    const chi2 = [...orders.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(orders.size).toBe(6);
    expect(chi2).toBeLessThan(20.6); // 99.9 % of five degrees of freedom
  });

  it("rejects invalid seeds and ranges", () => {
    for (const seed of [-1, 1.5, Number.NaN, 2 ** 53]) {
      expect(() => new Rng(seed)).toThrow(new RangeError(`Rng: seed ${seed} is not an integer in 0..2^53−1`));
    }
    for (const n of [0, -1, 1.5, 2 ** 32 + 1]) {
      expect(() => new Rng(1).integer(n)).toThrow(new RangeError(`Rng.integer: ${n} is not in 1..2^32`));
    }
  });
});
