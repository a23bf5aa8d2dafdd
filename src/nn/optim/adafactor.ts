/**
 * Adafactor as in "Scaling Vision Transformers", the optimizer of the SigLIP paper, as big_vision applies it.
 *
 *     β2 = min(cap, 1 − t^−0.8)        v ← β2·v + (1 − β2)·(g² + 1e-30)        u = g/√v
 *     m ← β1·m + (1 − β1)·u            p ← p − s·(lr·mult·m + wd·wdMult·p)
 *
 * with t the step, from 1 on, and s the schedule factor. There is no correction of m for its start at 0, no relative step size, and
 * u is not clipped. Where the second-largest axis has at least 32 entries, v is not stored but approximated from its means over the
 * two largest axes, v ≈ rows·columns/mean, so the moments take half of Adam's memory. m is rounded to bfloat16
 * after the step has used it, and β1 to 0.8984375 (for 0.9), as in big_vision; it is stored in the type of the parameter.
 *
 * Zhai et al. 2021, arXiv:2106.04560; Shazeer & Stern 2018, arXiv:1804.04235; big_vision `optax.py`.
 */
import type { Variable } from "../../autograd/index.ts";
import { kernelsFor, portable, type Shape, sizeOf, zeros } from "../../tensor/index.ts";
import { Optimizer, type Update, type UpdateRule } from "./optimizer.ts";
import { FLAG, FRACTION, type OptimizerOptions } from "./options.ts";

/** Settings of `Adafactor`. */
export interface AdafactorOptions extends OptimizerOptions {
  /** 0.9 by default. */
  readonly beta1?: number;
  /** Most that β2 grows to; 0.95 by default. */
  readonly beta2?: number;
  /** Whether the momentum is rounded to bfloat16; true by default. */
  readonly bfloat16?: boolean;
}

const LEAST_FACTORED = 32;
const EPS = 1e-30;

/** A tensor as [outer, rows, middle, cols], and the shapes of its means over cols and over rows. */
interface Factoring {
  readonly sizes: { readonly outer: number; readonly rows: number; readonly middle: number; readonly cols: number };
  readonly rowShape: Shape;
  readonly columnShape: Shape;
}

/**
 * How the second moment of a parameter of such axes is factored; undefined if it is not. The two largest axes are the rows and
 * the columns, and of equal axes the last are taken. The columns must be the last axis.
 */
export function factoringOf(axes: Shape): Factoring | undefined {
  const bySize = axes.map((_, i) => i).sort((a, b) => axes[a] - axes[b]);
  const [rowAxis, columnAxis] = bySize.slice(-2).sort((a, b) => a - b);
  if (columnAxis !== axes.length - 1 || axes[bySize[bySize.length - 2]] < LEAST_FACTORED) return undefined;
  const without = (axis: number): Shape => axes.filter((_, i) => i !== axis);
  return {
    sizes: {
      outer: sizeOf(axes.slice(0, rowAxis)),
      rows: axes[rowAxis],
      middle: sizeOf(axes.slice(rowAxis + 1, columnAxis)),
      cols: axes[columnAxis],
    },
    rowShape: without(columnAxis),
    columnShape: without(rowAxis),
  };
}

/** β2 of a step, in f32 as big_vision computes it. */
const decayRate = (count: number, cap: number): number =>
  Math.fround(Math.min(cap, 1 - portable.exp(-0.8 * portable.log(count))));

interface Moments {
  readonly beta1: number;
  readonly beta2: number;
  readonly bfloat16: boolean;
}

function updateOne(
  { parameter, state, g, lr, decay, gradScale }: Update,
  factoring: Factoring | undefined,
  { beta1, beta2, bfloat16 }: Moments,
): void {
  const { value } = parameter;
  const { m, v, vRow, vColumn } = state;
  const { adafactor, adafactorFactored } = kernelsFor(value.dtype);
  const args = { lr, decay, gradScale, beta1, beta2, bfloat16, eps: EPS };
  if (factoring === undefined) adafactor(value.size, value.address, g.address, m.address, v.address, args);
  else {
    const [p, ofRows, ofColumns] = [value.address, vRow.address, vColumn.address];
    adafactorFactored(factoring.sizes, p, g.address, m.address, ofRows, ofColumns, args);
  }
}

function adafactorRule({ beta1 = 0.9, beta2 = 0.95, bfloat16 = true }: AdafactorOptions): UpdateRule {
  const factorings = new Map<Variable, Factoring | undefined>();
  return {
    init(parameter) {
      const { shape, dtype } = parameter.value;
      const factoring = factoringOf(parameter.layout.axes);
      factorings.set(parameter, factoring);
      const m = zeros(shape, dtype);
      if (factoring === undefined) return { m, v: zeros(shape, dtype) };
      return { m, vRow: zeros(factoring.rowShape, dtype), vColumn: zeros(factoring.columnShape, dtype) };
    },
    update(updates, count) {
      const moments = { beta1, beta2: decayRate(count, beta2), bfloat16 };
      for (const each of updates) updateOne(each, factorings.get(each.parameter), moments);
    },
  };
}

/** Adafactor over parameters by path; `step` consumes their gradients. */
export function adafactor(parameters: ReadonlyMap<string, Variable>, options: AdafactorOptions): Optimizer {
  const kinds = { beta1: FRACTION, beta2: FRACTION, bfloat16: FLAG };
  return new Optimizer(parameters, options, { name: "adafactor", kinds, rule: adafactorRule(options) });
}
