/**
 * Functions of one number against values and derivatives with 50 digits (mpmath), on hard points (the ends of the number
 * line, the smallest numbers, where functions saturate) and 200 random ones.
 *
 * Distances are in ulp: the spacing of the precision's numbers at the exact value.
 */
import { describe, expect, it } from "vitest";
import * as A from "../../../src/autograd/index.ts";
import { type DType, ones } from "../../../src/tensor/index.ts";
import { DTYPES } from "../../support/goldens.ts";
import { torchCases } from "./cases.ts";

/** Largest distance of the value and of the derivative. Plain loops need 2 and 4 in f64, 0.5 and 1.2 in f32. */
const ULPS = 4;

const OFFERED: Record<string, (x: A.Variable) => A.Variable> = {
  exp: A.exp,
  log: A.log,
  sqrt: A.sqrt,
  tanh: A.tanh,
  sigmoid: A.sigmoid,
  softplus: A.softplus,
  logsigmoid: A.logSigmoid,
  gelu_tanh: A.gelu,
  gelu_erf: A.geluErf,
};

/** No op: nothing in the model needs them. */
const NOT_OFFERED = ["erf", "expm1", "log1p", "rsqrt"];

const PRECISION = {
  f64: { digits: 52, lowest: -1022, largest: Number.MAX_VALUE },
  f32: { digits: 23, lowest: -126, largest: (2 - 2 ** -23) * 2 ** 127 },
} as const;

/** The spacing of the numbers of a precision at x; below its normal range that at the smallest normal number. */
function spacing(x: number, dtype: DType): number {
  const { digits, lowest } = PRECISION[dtype];
  return 2 ** (Math.max(lowest, x === 0 ? lowest : Math.floor(Math.log2(Math.abs(x)))) - digits);
}

/** How far a result may be from the exact one. */
interface Bound {
  /** In ulp of the exact value, or of `size` where that is larger. */
  readonly ulps: number;
  readonly size: number;
  /** Below this a result of 0 is right: kernels need not give numbers beneath the normal range. */
  readonly tiny: number;
}

function boundOf(name: string, part: string, x: number, dtype: DType): Bound {
  const lowest = 2 ** PRECISION[dtype].lowest;
  if (!name.startsWith("gelu")) return { ulps: ULPS, size: 0, tiny: lowest };
  // gelu = x·σ(u), and its left tail x·exp(u): a rounding of u, large there, is one of the result times u. (1 + tanh, as
  // PyTorch has it, leaves no digits of the tail.) The derivative is σ(u) and a term that cancels it near x = −0.75. With
  // Φ(x) the same holds for u = ±x²/2: Φ(x) is exp(u) and a factor there.
  const u = name === "gelu_tanh" ? 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3) : (Math.sign(x) * x * x) / 2;
  return {
    ulps: ULPS * Math.max(1, Math.abs(u)),
    size: part === "exact.dydx" ? 1 / (1 + Math.exp(-u)) : 0,
    tiny: lowest * Math.max(1, 3 * Math.abs(u)), // x and x·u′ times what is lost of σ(u)
  };
}

/** Is `actual` within the bound? */
function isClose(actual: number, exact: number, dtype: DType, { ulps, size, tiny }: Bound): boolean {
  if (Math.abs(exact) > PRECISION[dtype].largest) return actual === Math.sign(exact) * Number.POSITIVE_INFINITY;
  if (!Number.isFinite(exact)) return Object.is(actual, exact);
  if (Math.abs(exact) < tiny && Math.abs(actual) <= tiny) return true;
  return Math.abs(actual - exact) <= ulps * spacing(Math.max(Math.abs(exact), size), dtype);
}

const cases = torchCases("scalar");

describe.each(DTYPES)(`in %s, value and derivative are within ${ULPS} ulp of the exact ones:`, (dtype) => {
  it.each(cases.filter(({ name }) => name in OFFERED).map((at) => [at.name, at] as const))("%s", (name, at) => {
    const x = A.parameter(at.tensor("in.x", dtype));
    const y = OFFERED[name](x);
    const results = { "exact.y": y.value.toArray(), "exact.dydx": new Float64Array() as Float32Array | Float64Array };
    A.backward(y, ones(x.shape, dtype));
    results["exact.dydx"] = x.grad?.toArray() ?? results["exact.dydx"];
    for (const part of ["exact.y", "exact.dydx"] as const) {
      const exact = at.get(part).data;
      expect(exact.length).toBeGreaterThan(200);
      exact.forEach((value, i) => {
        const at = x.value.data[i];
        const actual = results[part][i];
        if (!isClose(actual, value, dtype, boundOf(name, part, at, dtype))) {
          expect.fail(`${name} ${part} at ${at}: ${actual} instead of ${value}`);
        }
      });
    }
  });
});

it("every function is offered, or left out by name", () => {
  expect([...Object.keys(OFFERED), ...NOT_OFFERED].sort()).toEqual(cases.map(({ name }) => name).sort());
});
