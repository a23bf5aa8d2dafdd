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
};

/** No op: nothing in the model needs them. */
const NOT_OFFERED = ["erf", "expm1", "gelu_erf", "log1p", "rsqrt"];

const PRECISION = {
  f64: { digits: 52, lowest: -1022, largest: Number.MAX_VALUE },
  f32: { digits: 23, lowest: -126, largest: (2 - 2 ** -23) * 2 ** 127 },
} as const;

/** The spacing of the numbers of a precision at x; below its normal range that at the smallest normal number. */
function spacing(x: number, dtype: DType): number {
  const { digits, lowest } = PRECISION[dtype];
  return 2 ** (Math.max(lowest, x === 0 ? lowest : Math.floor(Math.log2(Math.abs(x)))) - digits);
}

/**
 * Distance in ulp of the exact value. Below the normal range anything as small is right: kernels may give 0 there.
 *
 * `tails`: 1 + tanh(u) is written as it stands in gelu, so that for x < −5 the digits of 1 are all there is (PyTorch and
 * JAX do the same): ulp are those of max(1, |x|) then.
 */
function distance(actual: number, exact: number, x: number, dtype: DType, tails: boolean): number {
  const { largest, lowest } = PRECISION[dtype];
  if (Math.abs(exact) > largest) return actual === Math.sign(exact) * Number.POSITIVE_INFINITY ? 0 : Number.NaN;
  if (!Number.isFinite(exact)) return Object.is(actual, exact) ? 0 : Number.NaN;
  if (Math.abs(exact) < 2 ** lowest && Math.abs(actual) <= 2 ** lowest) return 0;
  const size = tails ? Math.abs(exact) : Math.max(1, Math.abs(x), Math.abs(exact));
  return Math.abs(actual - exact) / spacing(size, dtype);
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
        const ulps = distance(results[part][i], value, at, dtype, name !== "gelu_tanh");
        if (!(ulps <= ULPS)) {
          expect.fail(`${name} ${part} at ${at}: ${results[part][i]} instead of ${value}, ${ulps.toPrecision(3)} ulp`);
        }
      });
    }
  });
});

it("every function is offered, or left out by name", () => {
  expect([...Object.keys(OFFERED), ...NOT_OFFERED].sort()).toEqual(cases.map(({ name }) => name).sort());
});
