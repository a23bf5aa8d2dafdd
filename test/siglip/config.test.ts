import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countParameters, parametersOf } from "../../src/nn/index.ts";
import {
  decodeVariant,
  ModelConfigError,
  parameterCount,
  SIZES,
  SigLip,
  type SigLipConfig,
} from "../../src/siglip/index.ts";
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

const side = fc.integer({ min: 5, max: 11 });
const config: fc.Arbitrary<SigLipConfig> = fc.record({
  image: fc
    .record({
      size: tower,
      imageSize: fc.oneof(side, fc.tuple(side, side)),
      patchSize: fc.integer({ min: 1, max: 5 }),
      pooling: fc.constantFrom("map" as const, "mean" as const, "max" as const, "first" as const, "tok" as const),
      repSize: fc.constantFrom(0, 5, 8),
      posEmb: fc.constantFrom("learn" as const, "sincos2d" as const),
    })
    .map(({ size, ...image }) => ({ ...size, ...image })),
  text: fc
    .record({
      size: tower,
      vocabSize: fc.integer({ min: 1, max: 20 }),
      length: fc.integer({ min: 1, max: 7 }),
      pooling: fc.constantFrom("last" as const, "first" as const, "mean" as const, "max" as const, "map" as const),
      bottleneck: fc.constantFrom(0, 3, 8),
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

/** Towers by the names of their variants, as released: attention pooling, learned positions. */
function released(
  imageTower: `${string}/${string}`,
  textTower: string,
  text: { readonly vocabSize: number; readonly length: number; readonly head: boolean },
  imageSize: number,
): SigLipConfig {
  const image = decodeVariant(imageTower);
  return {
    image: { ...image, imageSize, pooling: "map", posEmb: "learn" },
    text: { ...decodeVariant(textTower), ...text, pooling: "last" },
    embedDim: image.width,
    temperatureInit: 10,
    biasInit: -10,
  };
}

describe("parameterCount is big_vision's for", () => {
  const { rows } = goldenJson<{
    rows: {
      variant: `${string}/${string}`;
      image: number;
      vocab: number;
      len: number;
      text_head: boolean;
      img: number;
      txt: number;
      total: number;
    }[];
  }>("big_vision/param_counts");
  it.each(rows.map((row) => [`${row.variant} at ${row.image}, ${row.vocab} pieces, ${row.len} tokens`, row] as const))(
    "%s",
    (_, { variant, image, vocab, len, text_head, img, txt, total }) => {
      const text = { vocabSize: vocab, length: len, head: text_head };
      const config = released(variant, variant.split("/")[0], text, image);
      expect(parameterCount(config)).toEqual({ image: img, text: txt, total });
    },
  );
  it("all sizes of the table", () => {
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
  const rows = Object.entries(models).filter(([name]) => !name.endsWith("naflex"));
  it.each(rows)("%s", (name, { image, text, total, image_size, vocab, context, text_head }) => {
    const [, family, patch] = /^ViT-(\w+)-(\d+)-/.exec(name) as RegExpExecArray;
    const size = ({ B: "B", L: "L", SO400M: "So400m", gopt: "g-opt" } as Record<string, string>)[family];
    const textSize = size === "g-opt" ? "So400m" : size;
    const settings = { vocabSize: vocab, length: context, head: text_head };
    expect(parameterCount(released(`${size}/${patch}`, textSize, settings, image_size[0]))).toEqual({
      image,
      text,
      total,
    });
  });
  it("all of them but two", () => expect(rows.length).toBe(Object.keys(models).length - 2));
});

describe("decodeVariant", () => {
  it.each(Object.entries(SIZES))("gives size %s, alone and with a patch size", (name, size) => {
    expect(decodeVariant(name)).toEqual(size);
    expect(decodeVariant(`${name}/14`)).toEqual({ ...size, patchSize: 14 });
  });
  it.each(["b/16", "B/", "B/0", "B/16/2", "B/1.5", "", "/16", "toString"])(
    "refuses %j with the known names",
    (name) => {
      expect(() => decodeVariant(name)).toThrow(ModelConfigError);
      expect(() => decodeVariant(name)).toThrow(`unknown variant "${name}"; choose one of mu, Ti, S, M, B, L, So400m`);
    },
  );
});

it("the bottleneck of the paper has 24.1 M parameters instead of 192 M (section 4.3)", () => {
  const text = { vocabSize: 250_000, length: 64, head: true };
  const full = released("B/16", "B", text, 224);
  const narrow = { ...full, text: { ...full.text, bottleneck: 96 } };
  const saved = parameterCount(full).text - parameterCount(narrow).text;
  expect(saved).toBe(250_000 * 768 - (250_000 * 96 + 96 * 768));
});
