import { describe, expect, it } from "vitest";
import { leCunNormal, parametersOf, skipInit } from "../../src/nn/index.ts";
import { SigLip } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { TINY, tinyModel } from "../support/tinyModel.ts";

/** Fails when a number is drawn. */
class NoRng extends Rng {
  override split(): Rng {
    return this;
  }
  override bits(): number {
    throw new Error("a number was drawn");
  }
}

describe("skipInit", () => {
  it("builds a model without drawing a number, with the same parameters", () => {
    expect(() => new SigLip(new NoRng(0), TINY)).toThrow("a number was drawn");
    const model = skipInit(() => new SigLip(new NoRng(0), TINY));
    const shapes = (each: SigLip) => [...parametersOf(each)].map(([path, { shape }]) => [path, shape]);
    expect(shapes(model)).toEqual(shapes(tinyModel()));
  });

  it("ends with its body, also with one that throws", () => {
    const draw = () => leCunNormal(new Rng(3), [4, 4], 4, "f32").value.data;
    const expected = draw();
    skipInit(() => {});
    expectSameBits(draw(), expected);
    expect(() => skipInit(() => { throw new Error("stop"); })).toThrow("stop"); // biome-ignore format: one line
    expectSameBits(draw(), expected);
  });
});
