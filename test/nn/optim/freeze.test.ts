import { describe, expect, it } from "vitest";
import { AdamW, freeze, OptimizerError, parametersOf } from "../../../src/nn/index.ts";
import { lockstep } from "../../../src/parallel/lockstep.ts";
import { ACTIVATION_BYTES, lossForms, trainingLosses, trainStep } from "../../../src/siglip/index.ts";
import { heap } from "../../../src/tensor/index.ts";
import { expectSameBits } from "../../support/expect.ts";
import { tinyBatch, tinyModel } from "../../support/tinyModel.ts";

const B = 8;

/** The parameters after three steps, with the frozen paths. */
function trained(patterns: readonly string[], options: { world?: number; activationBytes?: number } = {}) {
  const { world = 1, activationBytes = ACTIVATION_BYTES } = options;
  const [first] = lockstep(world, (comm) => {
    const model = tinyModel();
    const parameters = parametersOf(model);
    freeze(parameters, patterns);
    const optimizer = new AdamW(parameters, { lr: 1e-2, weightDecay: 1e-2, decayed: ".*" });
    const { images, tokens } = tinyBatch(B);
    const share = <A extends Float32Array | Int32Array>(all: A): A =>
      all.subarray((all.length / world) * comm.rank, (all.length / world) * (comm.rank + 1)) as A;
    const batch = { images: share(images), tokens: share(tokens), imageShape: [B / world, 8, 8, 3] };
    for (let step = 0; step < 3; step++) {
      trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, batch, 1, { comm, shards: 4, activationBytes });
    }
    return [...parameters].map(([path, { value, requiresGrad }]) => ({
      path,
      numbers: [...value.data],
      frozen: !requiresGrad,
    }));
  });
  return first;
}
const start = new Map([...parametersOf(tinyModel())].map(([path, { value }]) => [path, [...value.data]]));

describe("freeze", () => {
  it.each([
    [["image/.*"]],
    [["text/.*", "tPrime"]],
    [["image/encoder/blocks/0/.*", "b"]],
    [["image/.*", "text/.*"]],
    [[".*/kernel", "tPrime|b"]],
  ])("%j leaves every bit of these parameters as it was, and trains the rest", (patterns) => {
    const whole = new RegExp(`^(?:${patterns.join("|")})$`);
    for (const { path, numbers, frozen } of trained(patterns)) {
      expect(frozen, path).toBe(whole.test(path));
      if (frozen) expectSameBits(numbers, start.get(path) as number[], path);
      else expect(numbers, path).not.toEqual(start.get(path));
    }
  });

  it("gives the same bits on 1, 2 and 4 devices, and with recomputed activations", () => {
    const one = trained(["image/.*"]);
    for (const world of [2, 4]) expect(trained(["image/.*"], { world })).toEqual(one);
    expect(trained(["image/.*"], { activationBytes: 0 })).toEqual(one);
  });

  it("stores no activations of a frozen tower", () => {
    const peak = (patterns: readonly string[]): number => {
      const model = tinyModel();
      const parameters = parametersOf(model);
      freeze(parameters, patterns);
      const optimizer = new AdamW(parameters, { lr: 1e-2 });
      heap.peakBytes = heap.liveBytes;
      const before = heap.liveBytes;
      trainStep({ model, optimizer, loss: lossForms.fused }, tinyBatch(64), 1, { shards: 1 });
      return heap.peakBytes - before;
    };
    const [all, text] = [peak([]), peak(["image/.*"])];
    expect(text).toBeLessThan(0.8 * all);
  });

  it("names a pattern that matches nothing, with the nearest path, and freezes nothing", () => {
    const parameters = parametersOf(tinyModel());
    const message =
      'freeze: the pattern "img/.*" matches no parameter; a pattern must match a whole path, such as image/';
    expect(() => freeze(parameters, ["text/.*", "img/.*"])).toThrow(OptimizerError);
    expect(() => freeze(parameters, ["text/.*", "img/.*"])).toThrow(message);
    expect(() => freeze(parameters, ["("])).toThrow(/"\(" is not a valid path pattern/);
    expect([...parameters.values()].every(({ requiresGrad }) => requiresGrad)).toBe(true);
  });
});
