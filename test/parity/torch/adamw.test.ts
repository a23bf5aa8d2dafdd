/**
 * Ten steps of a small two-tower model against torch.optim.AdamW: every loss, gradient, parameter and moment.
 *
 *     x = normalize(w2·gelu(w1·u + b1) + b2),   y = normalize(v·input),   the sigmoid loss
 *
 * PyTorch's weight_decay is ours over lr; the files give ours.
 */
import { describe, expect, it } from "vitest";
import {
  backward,
  gelu,
  l2Normalize,
  linear,
  parameter,
  transpose,
  type Variable,
} from "../../../src/autograd/index.ts";
import { AdamW } from "../../../src/nn/index.ts";
import { sigmoidLoss } from "../../../src/siglip/index.ts";
import type { DType, Tensor } from "../../../src/tensor/index.ts";
import { DTYPES, expectClose, type Golden, goldenJson } from "../../support/goldens.ts";
import { type TorchCase, torchCases } from "./cases.ts";

const { all } = goldenJson<{
  all: { config: Record<"steps" | "lr" | "wd" | "b1" | "b2" | "eps" | "clip", number>; decayed: string[] };
}>("torch/adamw");
const NAMES = ["w1", "b1", "w2", "b2", "v", "t", "b"];

/** Clipping by torch.nn.utils divides by norm + 1e-6; here, as in big_vision, by the norm. */
const NOT_OFFERED = ["constant_clip_torch"];
const cases = torchCases("adamw");

const largest = ({ data }: Golden): number => Math.max(...Array.from(data, Math.abs));

/** Entry i along the first axis. */
function at(golden: Golden, i: number): Golden {
  const shape = golden.shape.slice(1);
  const size = shape.reduce((product, side) => product * side, 1);
  return { name: `${golden.name}, step ${i}`, shape, data: golden.data.slice(i * size, (i + 1) * size) };
}

const inputsOf = (name: string, step: number, one: TorchCase, dtype: DType): Tensor => {
  const all = one.tensor(name, dtype);
  const shape = all.shape.slice(1);
  return all.view(shape, step * shape[0] * shape[1]);
};

describe.each(DTYPES)("in %s, ten steps are those of PyTorch:", (dtype) => {
  it.each(cases.filter(({ name }) => !NOT_OFFERED.includes(name)).map((one) => [one.name, one] as const))(
    "%s",
    (name, one) => {
      const { lr, wd, b1: beta1, b2: beta2, eps, clip, steps } = all.config;
      const p = new Map<string, Variable>(NAMES.map((path) => [path, parameter(one.tensor(`param.${path}`, dtype))]));
      const get = (path: string): Variable => p.get(path) as Variable;
      const optimizer = new AdamW(p, {
      lr, beta1, beta2, eps,
      weightDecay: wd,
      decayed: all.decayed.join("|"),
      ...(name.includes("clip") ? { clipNorm: clip } : {}),
      multipliers: name.endsWith("mult") ? [{ match: "v", lr: 0.1 }] : [],
    }); // biome-ignore format: the four numbers in a line
      const tolerance = dtype === "f64" ? 1e-12 : one.settings.tolerance.f32;
      const check = (golden: Golden, actual: Tensor | number, scale = 0): void =>
        expectClose(actual, golden, { tolerance, scale });
      /** Step i of a trace, by the largest number of the whole trace. */
      const checkStep = (part: string, i: number, actual: Tensor | number): void => {
        const trace = one.get(`trace.${part}`);
        check(at(trace, i), actual, largest(trace));
      };

      for (let i = 0; i < steps; i++) {
        const hidden = gelu(linear(parameter(inputsOf("in.u", i, one, dtype)), transpose(get("w1")), get("b1")));
        const x = l2Normalize(linear(hidden, transpose(get("w2")), get("b2")), 0);
        const y = l2Normalize(linear(parameter(inputsOf("in.v", i, one, dtype)), transpose(get("v"))), 0);
        const loss = sigmoidLoss(x, y, get("t"), get("b"));
        checkStep("loss", i, loss.value);
        backward(loss);
        for (const path of NAMES) checkStep(`grad.${path}`, i, get(path).grad as Tensor);
        checkStep("grad_norm", i, optimizer.step(one.get("in.schedule").data[i]));
        for (const path of NAMES) checkStep(`param.${path}`, i + 1, get(path).value);
      }
      const state = optimizer.state();
      for (const path of NAMES) {
        for (const moment of ["m", "v"])
          check(one.get(`final.${moment}.${path}`), state.get(`${path}/${moment}`) as Tensor);
      }
      expect(optimizer.count).toBe(10);
    },
  );
});

it("every run is replayed, or left out by name", () => {
  const replayed = ["constant", "constant_clip_exact", "cosine_clip_exact_mult"];
  expect(cases.map(({ name }) => name).sort()).toEqual([...replayed, ...NOT_OFFERED].sort());
});
