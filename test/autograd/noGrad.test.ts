import { describe, expect, it } from "vitest";
import { backward, isRecording, mul, noGrad, parameter, sum, withGrad } from "../../src/autograd/index.ts";
import { heap, scope, zeros } from "../../src/tensor/index.ts";

describe("noGrad", () => {
  it("records nothing, and isRecording says so", () => {
    const x = parameter(zeros([2]));
    const y = noGrad(() => {
      expect(isRecording()).toBe(false);
      return mul(x, 2);
    });
    expect([y.requiresGrad, y.node]).toEqual([false, undefined]);
    expect(x.value.storage.holds).toBe(0);
    expect(isRecording()).toBe(true);
  });

  it("is undone by withGrad inside it, and both end with their body, even by an error", () => {
    noGrad(() => {
      const y = withGrad(() => mul(parameter(zeros([2])), 2));
      expect(y.requiresGrad).toBe(true);
      expect(isRecording()).toBe(false);
      withGrad(() => expect(noGrad(isRecording)).toBe(false));
    });
    expect(() =>
      noGrad(() => {
        throw new RangeError("broken");
      }),
    ).toThrow("broken");
    expect(isRecording()).toBe(true);
  });

  it("saves nothing for a backward pass: a chain of operations in a scope leaves only its result", () => {
    scope(() => {
      const x = parameter(zeros([16]));
      const before = heap.liveBlocks;
      const y = scope(() => noGrad(() => sum(mul(mul(x, 2), x))));
      expect(heap.liveBlocks).toBe(before + 1);
      expect(() => backward(y)).toThrow("nothing that this value depends on needs a gradient");
    });
  });
});
