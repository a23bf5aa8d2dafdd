import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  captionOf,
  drawScene,
  isHeldOut,
  newBatch,
  sceneOf,
  scenesOf,
  shapePictures,
  shapes,
} from "../../src/data/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";

const pairs = shapes({ tokenizer: byteTokenizer, length: 64 });

describe("shapes", () => {
  it("names a scene from either side", () => {
    const scene = sceneOf(scenesOf("train")[0]);
    expect(captionOf(scene)).toBe("a small red square above a small red square");
    const other = sceneOf(scenesOf("train")[5000]);
    expect(captionOf(other).split(" above ").reverse().join(" below ")).toBe(captionOf(other, true));
  });

  it("trains on 80 things and holds out 16, so 12,800 scenes against 5,632", () => {
    expect(scenesOf("train").length).toBe(2 * 80 * 80);
    expect(scenesOf("unseen").length).toBe(2 * 96 * 96 - 2 * 80 * 80);
  });

  it("shows every colour and every shape in training, and no held-out combination", () => {
    const colours = new Set<string>();
    const kinds = new Set<string>();
    for (const id of scenesOf("train")) {
      const { first, second } = sceneOf(id);
      for (const thing of [first, second]) {
        expect(isHeldOut(thing)).toBe(false);
        colours.add(thing.colour);
        kinds.add(thing.shape);
      }
    }
    expect([colours.size, kinds.size]).toEqual([8, 6]);
  });

  it("gives the same bits for a step in any order, and others for another seed", () => {
    const first = pairs.batch(3, 7, 16);
    pairs.batch(3, 900, 16);
    expect(pairs.batch(3, 7, 16)).toEqual(first);
    expect(shapes({ tokenizer: byteTokenizer, length: 64 }).batch(3, 7, 16)).toEqual(first);
    expect(pairs.batch(4, 7, 16).items).not.toEqual(first.items);
  });

  it("gives part of a batch with the rows of the whole", () => {
    const whole = pairs.batch(3, 7, 16);
    const part = pairs.batch(3, 7, 16, newBatch(5, pairs), 9);
    const stride = whole.images.length / 16;
    expect(part.items).toEqual(whole.items.subarray(9, 14));
    expect(part.tokens).toEqual(whole.tokens.subarray(9 * pairs.length, 14 * pairs.length));
    expect(part.images).toEqual(whole.images.subarray(9 * stride, 14 * stride));
  });

  it("with two views, has the texts and first views of one view, and new drawings of the same scenes", () => {
    const options = { tokenizer: byteTokenizer, length: 64 };
    const [one, two] = ([1, 2] as const).map((views) => shapes({ ...options, views }).batch(3, 7, 16));
    expect(two.imageShape).toEqual([32, 32, 32, 3]);
    expect([two.tokens, two.items]).toEqual([one.tokens, one.items]);
    const each = 32 * 32 * 3;
    const image = ({ images }: typeof one, i: number) => images.subarray(i * each, (i + 1) * each);
    const scenes = new Set<string>();
    for (let row = 0; row < 16; row++) {
      expect(image(two, 2 * row)).toEqual(image(one, row));
      expect(image(two, 2 * row + 1)).not.toEqual(image(one, row));
      const drawn = new Float32Array(each);
      drawScene(
        sceneOf(two.items[row]),
        new Rng(3).split("rows").split(7).split(row).split("view").split(1),
        32,
        drawn,
        0,
      );
      expect(image(two, 2 * row + 1)).toEqual(drawn);
      scenes.add(drawn.join());
    }
    expect(scenes.size).toBe(16);
  });

  it("shows each scene at most once in an epoch", () => {
    const seen = new Set<number>();
    const steps = pairs.batchesPerEpoch(1000);
    for (let step = 0; step < steps; step++) for (const id of pairs.batch(1, step, 1000).items) seen.add(id);
    expect(seen.size).toBe(steps * 1000);
  });

  it("keeps model input in [0, 2] with both things visible", () => {
    const { images: pixels, items } = pairs.batch(5, 0, 64);
    const half = 32 * 16 * 3;
    expect(pixels.every((value) => value >= 0 && value <= 2)).toBe(true);
    items.forEach((id, row) => {
      if (sceneOf(id).relation !== "above") return;
      const ink = (part: number) =>
        pixels.subarray(row * half * 2 + part * half, row * half * 2 + (part + 1) * half).reduce((a, b) => a + b, 0);
      expect(ink(0)).toBeGreaterThan(10);
      expect(ink(1)).toBeGreaterThan(10);
    });
  });

  it("refuses more rows than scenes, naming both numbers", () => {
    expect(() => pairs.batch(0, 0, 20000)).toThrow("20000 rows cannot show 12800 distinct items");
    expect(() => shapePictures("unseen", 9999, 0)).toThrow("must be in 1..5632");
  });
});

describe("shapePictures", () => {
  it("gives distinct texts, one per picture, and bytes for display", () => {
    const set = shapePictures("unseen", 200, 1);
    expect(new Set(set.texts).size).toBe(200);
    expect(set.rgb(0).length).toBe(32 * 32 * 3);
    expect(set.rgb(0)[0]).toBe(255);
  });

  it("draws the same pictures one by one, in any order, as all at once", () => {
    const set = shapePictures("train", 6, 1, 16);
    const stride = 16 * 16 * 3;
    const all = set.pixels();
    expect(all.length).toBe(6 * stride);
    fc.assert(
      fc.property(fc.nat(6), fc.nat(6), (a, b) => {
        const [first, end] = [Math.min(a, b), Math.max(a, b)];
        expect(set.pixels(first, end)).toEqual(all.subarray(first * stride, end * stride));
      }),
    );
  });
});
