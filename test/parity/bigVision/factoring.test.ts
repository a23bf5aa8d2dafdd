/** Adafactor factors the second moments that big_vision factors, with state of the same shapes, from mu/16 to So400m/14. */
import { expect, it } from "vitest";
import type { Variable } from "../../../src/autograd/index.ts";
import { parametersOf, skipInit } from "../../../src/nn/index.ts";
import { factoringOf } from "../../../src/nn/optim/adafactor.ts";
import { SIZES, SigLip } from "../../../src/siglip/index.ts";
import { Rng, type Shape, scope } from "../../../src/tensor/index.ts";
import { placeOf } from "../../support/bigVisionNames.ts";
import { goldenJson } from "../../support/goldens.ts";

interface Model {
  readonly image: number;
  readonly vocab: number;
  readonly len: number;
  readonly parameters: Readonly<Record<string, { readonly v?: Shape; readonly v_row?: Shape; readonly v_col?: Shape }>>;
}
const { models } = goldenJson<{ models: Readonly<Record<string, Model>> }>("big_vision/factoring");

const withoutOnes = (shape: Shape): string => shape.filter((side) => side !== 1).join(" × ");

/** The axes of one of the parameters that ours fuses. */
function axesOf(ours: ReadonlyMap<string, Variable>, name: string): Shape {
  const { path, parts } = placeOf(name);
  const { axes } = (ours.get(path) as Variable).layout;
  const fused = path.endsWith("/kernel") ? 1 : 0;
  return parts === 1 ? axes : axes.filter((_, i) => i !== fused);
}

it.each(Object.keys(models))("%s", (variant) => {
  const { image: imageSize, vocab: vocabSize, len: length, parameters } = models[variant];
  const [size, patch] = variant.split("/");
  const tower = { ...SIZES[size as keyof typeof SIZES], depth: 1 }; // the other blocks are as the first
  scope(() => {
    const model = skipInit(
      () =>
        new SigLip(new Rng(0), {
          image: { ...tower, imageSize, patchSize: Number(patch), pooling: "map", posEmb: "learn" },
          text: { ...tower, vocabSize, length, pooling: "last" },
          embedDim: tower.width,
          temperatureInit: 10,
          biasInit: -10,
        }),
    ); // only shapes count here
    const ours = parametersOf(model);
    for (const [name, { v, v_row, v_col }] of Object.entries(parameters)) {
      const axes = axesOf(ours, name);
      const found = factoringOf(axes);
      const wanted = v ? [v] : [v_row as Shape, v_col as Shape];
      const state = found ? [found.rowShape, found.columnShape] : [axes];
      expect(state.map(withoutOnes).sort(), name).toEqual(wanted.map(withoutOnes).sort());
    }
  });
});
