import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countParameters, parametersOf } from "../../src/nn/index.ts";
import { parameterCount, SIZES, SigLip, type SigLipConfig } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { goldenJson } from "../support/goldens.ts";

const tower = fc
  .record({
    headDim: fc.integer({ min: 1, max: 2 }),
    numHeads: fc.integer({ min: 1, max: 3 }),
    depth: fc.integer({ min: 1, max: 2 }),
    mlpDim: fc.integer({ min: 1, max: 9 }),
  })
  // Eight channels a head: sines and cosines of two coordinates at two frequencies or more.
  .map(({ headDim, numHeads, ...size }) => ({ ...size, numHeads, width: 8 * headDim * numHeads }));

const config: fc.Arbitrary<SigLipConfig> = fc.record({
  image: fc
    .record({
      size: tower,
      imageSize: fc.integer({ min: 5, max: 11 }),
      patchSize: fc.integer({ min: 1, max: 5 }),
      pooling: fc.constantFrom("map" as const, "mean" as const),
      posEmb: fc.constantFrom("learn" as const, "sincos2d" as const),
    })
    .map(({ size, ...image }) => ({ ...size, ...image })),
  text: fc
    .record({
      size: tower,
      vocabSize: fc.integer({ min: 1, max: 20 }),
      length: fc.integer({ min: 1, max: 7 }),
      pooling: fc.constantFrom("last" as const, "first" as const, "mean" as const, "map" as const),
    })
    .map(({ size, ...text }) => ({ ...size, ...text })),
  embedDim: fc.integer({ min: 1, max: 12 }),
  temperatureInit: fc.constant(10),
  biasInit: fc.constant(-10),
});

it("parameterCount equals the numbers in a built model, tower by tower", () => {
  fc.assert(
    fc.property(config, (settings) => {
      const model = new SigLip(new Rng(1), settings);
      const { image, text, total } = parameterCount(settings);
      expect(total).toBe(countParameters(model));
      let held = 0;
      for (const [path, { value }] of parametersOf(model)) if (path.startsWith("image/")) held += value.size;
      expect(image).toBe(held);
      expect(text).toBe(total - held - 2);
    }),
    { numRuns: 60 },
  );
});

/** Towers by the name of their size, as released: attention pooling, learned positions, a text head. */
function released(
  imageTower: keyof typeof SIZES,
  textTower: keyof typeof SIZES,
  patchSize: number,
  imageSize: number,
  vocabSize: number,
  length: number,
): SigLipConfig {
  return {
    image: { ...SIZES[imageTower], imageSize, patchSize, pooling: "map", posEmb: "learn" },
    text: { ...SIZES[textTower], vocabSize, length, pooling: "last" },
    embedDim: SIZES[imageTower].width,
    temperatureInit: 10,
    biasInit: -10,
  };
}

/** So400m/16 with 250,000 pieces was released without a text head; the text tower here always has one. */
const isHeadless = (row: { readonly text_head: boolean }): boolean => !row.text_head;

describe("parameterCount is big_vision's for", () => {
  const { rows } = goldenJson<{
    rows: {
      variant: string;
      image: number;
      vocab: number;
      len: number;
      text_head: boolean;
      img: number;
      txt: number;
      total: number;
    }[];
  }>("big_vision/param_counts");
  it.each(
    rows
      .filter((row) => !isHeadless(row))
      .map((row) => [`${row.variant} at ${row.image}, ${row.vocab} pieces, ${row.len} tokens`, row] as const),
  )("%s", (_, { variant, image, vocab, len, img, txt, total }) => {
    const [size, patch] = variant.split("/") as [keyof typeof SIZES, string];
    expect(parameterCount(released(size, size, Number(patch), image, vocab, len))).toEqual({
      image: img,
      text: txt,
      total,
    });
  });
  it("all sizes of the table but the one without a text head", () => {
    expect(rows.filter(isHeadless).map(({ variant }) => variant)).toEqual(["So400m/16"]);
    expect(new Set(rows.map(({ variant }) => variant.split("/")[0]))).toEqual(new Set(Object.keys(SIZES)));
  });
});

describe("parameterCount is open_clip's for", () => {
  const { models } = goldenJson<{
    models: Record<
      string,
      {
        image: number;
        text: number;
        total: number;
        image_size: [number, number];
        vocab: number;
        context: number;
        text_head: boolean;
      }
    >;
  }>("torch/param_counts");
  /** naflex: the grid of positions (256 tokens) does not follow from the image size that the file gives. */
  const rows = Object.entries(models).filter(([name, row]) => !isHeadless(row) && !name.endsWith("naflex"));
  it.each(rows)("%s", (name, { image, text, total, image_size, vocab, context }) => {
    const [, family, patch] = /^ViT-(\w+)-(\d+)-/.exec(name) as RegExpExecArray;
    const size = ({ B: "B", L: "L", SO400M: "So400m", gopt: "g-opt" } as const)[family] as keyof typeof SIZES;
    const textSize = size === "g-opt" ? "So400m" : size;
    const settings = released(size, textSize, Number(patch), image_size[0], vocab, context);
    expect(parameterCount(settings)).toEqual({ image, text, total });
  });
  it("all of them but three", () => expect(rows.length).toBe(Object.keys(models).length - 3));
});
