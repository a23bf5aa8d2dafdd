import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { augmentations, drawView, plainView, randomView, type View } from "../../src/data/augment.ts";
import { Rng } from "../../src/tensor/index.ts";

const SIDE = 32;
const STORED = 48;

/** A stored picture of one premultiplied colour with the given alpha. */
const flat = (r: number, g: number, b: number, alpha: number): Uint8Array =>
  Uint8Array.from({ length: STORED * STORED * 4 }, (_, i) => [r, g, b, alpha][i % 4]);

const draw = (picture: Uint8Array, view: View): Float32Array => {
  const out = new Float32Array(SIDE * SIDE * 3);
  drawView(picture, STORED, view, SIDE, out, 0);
  return out;
};

const still = { ...augmentations.light, hue: 0, saturation: [0, 0], grey: 0, contrast: 0, brightness: 0 } as const;
const centre = (pixels: Float32Array): number[] => [...pixels.subarray((16 * 32 + 16) * 3, (16 * 32 + 16) * 3 + 3)];

/** A black blob, round and soft, 6 stored pixels wide (standard deviation): it has no edge that sampling could miss. */
const blob = Uint8Array.from({ length: STORED * STORED * 4 }, (_, i) => {
  const [x, y] = [((i >> 2) % STORED) - 23.5, Math.floor((i >> 2) / STORED) - 23.5];
  return i % 4 === 3 ? Math.round(255 * Math.exp(-(x * x + y * y) / 72)) : 0;
});

/** Ink-weighted mean about the centre and standard deviation, as shares of the side. */
const moments = (pixels: Float32Array) => {
  let [sum, x1, y1, x2, y2] = [0, 0, 0, 0, 0];
  for (let i = 0; i < SIDE * SIDE; i++) {
    const ink = pixels[i * 3];
    const [u, v] = [((i % SIDE) + 0.5) / SIDE - 0.5, (Math.floor(i / SIDE) + 0.5) / SIDE - 0.5];
    sum += ink;
    x1 += ink * u;
    y1 += ink * v;
    x2 += ink * u * u;
    y2 += ink * v * v;
  }
  const [x, y] = [x1 / sum, y1 / sum];
  return { x, y, width: Math.sqrt(x2 / sum - x * x), height: Math.sqrt(y2 / sum - y * y) };
};

describe("drawView", () => {
  it("shows a full square at 0.88 of the side, centred, its colour unchanged, white outside", () => {
    const pixels = draw(flat(255, 102, 0, 255), plainView);
    const row = pixels.subarray(16 * SIDE * 3, 17 * SIDE * 3);
    const ink = row.reduce((sum, value, i) => sum + (i % 3 === 2 ? value / 2 : 0), 0);
    expect(Math.abs(ink - 0.88 * SIDE)).toBeLessThan(0.5); // each edge falls between two samples
    const { x, y, width, height } = moments(draw(blob, plainView));
    expect([x, y]).toEqual([expect.closeTo(0, 4), expect.closeTo(0, 4)]);
    expect([width, height]).toEqual([expect.closeTo((6 / 48) * 0.88, 3), expect.closeTo((6 / 48) * 0.88, 3)]);
    expect(centre(pixels)).toEqual([expect.closeTo(0, 5), expect.closeTo(1.2, 5), expect.closeTo(2, 5)]);
    expect([...pixels.subarray(0, 3)]).toEqual([0, 0, 0]);
  });

  it("is mirrored if the picture is", () => {
    const picture = Uint8Array.from({ length: STORED * STORED * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 256));
    const mirrored = picture.slice();
    for (let i = 0; i < STORED * STORED; i++) {
      const from = (i - (i % STORED) + STORED - 1 - (i % STORED)) * 4;
      mirrored.set(picture.subarray(from, from + 4), i * 4);
    }
    const [a, b] = [draw(picture, plainView), draw(mirrored, plainView)];
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) expect(a[(y * SIDE + x) * 3]).toBeCloseTo(b[(y * SIDE + SIDE - 1 - x) * 3], 4);
    }
  });

  it("transforms a drawing as specified: shift, scale and aspect show in the moments", () => {
    fc.assert(
      fc.property(fc.nat(1e6), (seed) => {
        const view = randomView(new Rng(seed), { ...still, rotation: 0 });
        const { x, y, width, height } = moments(draw(blob, view));
        const [scaleX, , , , scaleY] = view.place;
        expect(x).toBeCloseTo(-view.place[2] / scaleX, 3);
        expect(y).toBeCloseTo(-view.place[5] / scaleY, 3);
        expect(Math.max(Math.abs(x), Math.abs(y))).toBeLessThan(0.031);
        expect(width).toBeCloseTo(6 / 48 / scaleX, 3);
        expect(height).toBeCloseTo(6 / 48 / scaleY, 3);
        const scale = Math.sqrt(width * height) / (6 / 48);
        expect(scale).toBeGreaterThan(0.74);
        expect(scale).toBeLessThan(1.01);
        expect(Math.abs(Math.log(width / height))).toBeLessThan(0.085);
      }),
      { numRuns: 40 },
    );
  });

  it("turns a bar clockwise for a positive angle and keeps its length", () => {
    // A horizontal bar, 4 stored pixels high.
    const bar = new Uint8Array(STORED * STORED * 4);
    for (let y = 22; y < 26; y++) bar.fill(255, y * STORED * 4, (y + 1) * STORED * 4).fill(0, 0, 0);
    const angle = 0.14;
    const [cos, sin] = [Math.cos(angle) / 0.88, Math.sin(angle) / 0.88];
    const pixels = draw(
      bar.map((v, i) => (i % 4 === 3 ? v : 0)),
      { ...plainView, place: [cos, sin, 0, -sin, cos, 0] },
    );
    let [xy, xx] = [0, 0];
    for (let i = 0; i < SIDE * SIDE; i++) {
      const [x, y] = [(i % SIDE) - 15.5, Math.floor(i / SIDE) - 15.5];
      xy += pixels[i * 3] * x * y;
      xx += pixels[i * 3] * x * x;
    }
    expect(xy / xx).toBeCloseTo(Math.tan(angle), 2);
  });

  it("keeps white around the drawing for any change of colours", () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.constantFrom(...Object.values(augmentations)), (seed, by) => {
        const view = randomView(new Rng(seed), by);
        expect(draw(flat(0, 0, 0, 0), view).every((value) => value === 0)).toBe(true);
        const pixels = draw(flat(200, 60, 90, 255), view);
        expect(pixels.every((value) => value >= 0 && value <= 2 + 2 ** -20)).toBe(true); // four weights, rounded, make up one
        const inPlace = draw(flat(200, 60, 90, 255), { ...view, place: plainView.place }); // a turned one may reach the corner
        expect([...inPlace.subarray(0, 3)]).toEqual([0, 0, 0]);
      }),
    );
  });

  it("keeps grey grey under hue and saturation, and makes a grey row grey", () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(255), (seed, level) => {
        const [r, g, b] = centre(draw(flat(level, level, level, 255), randomView(new Rng(seed), augmentations.light)));
        expect(Math.max(r, g, b) - Math.min(r, g, b)).toBeLessThan(1e-4);
      }),
    );
    const [r, g, b] = centre(draw(flat(200, 30, 60, 255), randomView(new Rng(1), { ...still, grey: 1 })));
    expect(Math.max(r, g, b) - Math.min(r, g, b)).toBeLessThan(1e-4);
    expect(1 - r / 2).toBeCloseTo((0.299 * 200 + 0.587 * 30 + 0.114 * 60) / 255, 4);
  });

  it("turns red by 120 degrees towards green", () => {
    const turned = { ...still, hue: 120 };
    // Find a draw close to the whole turn: the exponent is uniform in ±120°.
    const greens = Array.from({ length: 200 }, (_, seed) =>
      centre(draw(flat(150, 50, 50, 255), randomView(new Rng(seed), turned))),
    );
    const light = greens.map(([r, g, b]) => [1 - r / 2, 1 - g / 2, 1 - b / 2]);
    expect(light.some(([r, g, b]) => g > r + 0.3 && Math.abs(r - b) < 0.05)).toBe(true);
    expect(light.some(([r, g, b]) => b > r + 0.3 && Math.abs(r - g) < 0.05)).toBe(true);
    for (const [r, g, b] of light) {
      expect(0.299 * r + 0.587 * g + 0.114 * b).toBeCloseTo((0.299 * 150 + 0.701 * 50) / 255, 2);
    }
  });

  it("blurs with [1 2 1] / 4 along both axes, and repeats the edges of the view", () => {
    const picture = Uint8Array.from({ length: STORED * STORED * 4 }, (_, i) =>
      i % 4 === 3 ? 255 : (i * i * 37) % 256,
    );
    const filling = { ...plainView, place: [0.8, 0, 0, 0, 0.8, 0] } as const; // to all four edges
    const [plain, blurred] = [draw(picture, filling), draw(picture, { ...filling, blur: true })];
    const inside = (at: number) => Math.min(SIDE - 1, Math.max(0, at));
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        let sum = 0;
        for (const [dy, v] of [
          [-1, 1],
          [0, 2],
          [1, 1],
        ]) {
          for (const [dx, u] of [
            [-1, 1],
            [0, 2],
            [1, 1],
          ]) {
            sum += u * v * plain[(inside(y + dy) * SIDE + inside(x + dx)) * 3 + 1];
          }
        }
        expect(blurred[(y * SIDE + x) * 3 + 1], `${x}, ${y}`).toBeCloseTo(sum / 16, 5);
      }
    }
  });

  it("blurs without changing the sum inside, and cuts out a white square", () => {
    const black = flat(0, 0, 0, 255);
    const sum = (pixels: Float32Array) => pixels.reduce((a, v) => a + v, 0);
    const plain = draw(black, plainView);
    const blurred = draw(black, { ...plainView, blur: true });
    expect(sum(blurred)).toBeCloseTo(sum(plain), 1);
    expect(blurred).not.toEqual(plain);
    const cut = draw(black, { ...plainView, cutOut: [0.25, 0.5, 0.25] });
    expect(sum(plain) - sum(cut)).toBeCloseTo(8 * 8 * 3 * 2, 2);
    expect(cut[(16 * 32 + 8) * 3]).toBe(0);
  });
});

describe("randomView", () => {
  it("draws the same count of numbers for any ranges, so presets differ only in their ranges", () => {
    const [a, b] = [new Rng(5), new Rng(5)];
    randomView(a, augmentations.light);
    randomView(b, augmentations.strong);
    expect(a.bits()).toBe(b.bits());
  });
});
