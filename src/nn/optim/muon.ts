/**
 * Muon: momentum whose matrices are orthogonalized, so that a step changes every direction of a layer by the same amount.
 *
 *     m ← μ·m + (1 − μ)·g        n = (1 − μ)·g + μ·m        u = 0.2·√max(rows, columns)·orthogonalize(n)
 *     p ← p − s·(lr·mult·u + wd·wdMult·p)
 *
 * with s the schedule factor. The factor 0.2·√max gives u the size of AdamW's direction (Liu et al. 2025, arXiv:2502.16982).
 * This is for the matrices inside the network; embeddings, biases, norms, t′ and b are updated by AdamW. A matrix that fuses
 * several (queries, keys and values) is orthogonalized part by part. Jordan et al. 2024, "Muon".
 */
import type { Variable } from "../../autograd/index.ts";
import {
  add,
  addInto,
  concat,
  kernelsFor,
  mul,
  permute,
  type Shape,
  scope,
  show,
  slice,
  type Tensor,
  transpose,
  zeros,
} from "../../tensor/index.ts";
import { ADAM_KINDS, type AdamWOptions, adamWRule } from "./adamW.ts";
import { OptimizerError } from "./errors.ts";
import { orthogonalize } from "./newtonSchulz.ts";
import { Optimizer, type Update, type UpdateRule } from "./optimizer.ts";
import { COUNT, FRACTION, PATTERN, RATE } from "./options.ts";
import { pathPattern } from "./pathPattern.ts";

/** Settings of `Muon`; lr, beta1, beta2 and eps are those of AdamW, for the parameters that are no hidden matrices. */
export interface MuonOptions extends AdamWOptions {
  /** Learning rate of the hidden matrices; 0.01 by default. */
  readonly matrixLr?: number;
  /** Pattern of their paths; all kernels by default. */
  readonly hidden?: string;
  /** μ at the end of its warm-up; 0.95 by default. */
  readonly momentum?: number;
  /** μ in the first step; 0.85 by default. */
  readonly firstMomentum?: number;
  /** Steps in which μ grows from one to the other; 300 by default. */
  readonly momentumWarmup?: number;
}

const UPDATE_SIZE = 0.2; // root mean square of u, about that of AdamW's direction
const MOST_NUMBERS = 2 ** 22; // of a batch of matrices: bounds the memory of a step

const KINDS = {
  ...ADAM_KINDS,
  matrixLr: RATE,
  hidden: PATTERN,
  momentum: FRACTION,
  firstMomentum: FRACTION,
  momentumWarmup: COUNT,
};

const partsOf = ({ layout }: Variable): number => layout.parts ?? 1;

/** The matrices that a [rows, columns] tensor fuses, the shorter side first.   [parts, r, c], r ≤ c */
function split(x: Tensor, parts: number): Tensor {
  const [rows, columns] = x.shape;
  const matrices = permute(x.view([rows, parts, columns / parts]), [1, 0, 2]);
  return rows > columns / parts ? transpose(matrices) : matrices;
}

/** The inverse of `split`.   [rows, columns] */
function join(matrices: Tensor, [rows, columns]: Shape): Tensor {
  const [parts] = matrices.shape;
  const upright = rows > columns / parts ? transpose(matrices) : matrices;
  return permute(upright, [1, 0, 2]).view([rows, columns]);
}

/** Updates of matrices of equal sides, in batches of at most `MOST_NUMBERS` numbers or one parameter. */
function batchesOf(updates: readonly Update[]): Update[][] {
  const batches: Update[][] = [];
  const open = new Map<string, { batch: Update[]; numbers: number }>();
  for (const update of updates) {
    const { parameter } = update;
    const [rows, columns] = parameter.shape;
    const sides = [rows, columns / partsOf(parameter)].sort((a, b) => a - b).join();
    let at = open.get(sides);
    if (at === undefined || at.numbers + parameter.value.size > MOST_NUMBERS) {
      at = { batch: [], numbers: 0 };
      open.set(sides, at);
      batches.push(at.batch);
    }
    at.batch.push(update);
    at.numbers += parameter.value.size;
  }
  return batches;
}

/** m ← μ·m + (1 − μ)·g; returns (1 − μ)·g + μ·m. */
function advance({ g, state: { m }, gradScale }: Update, mu: number): Tensor {
  const fresh = mul(g, (1 - mu) * gradScale);
  kernelsFor(m.dtype).binaryScalar.mul(m.size, m.address, mu, m.address);
  addInto(m, fresh);
  return add(fresh, mul(m, mu));
}

/** p ← p − (lr·u + decay·p): gradient descent along u, without momentum. */
function move({ parameter, lr, decay }: Update, orthogonal: Tensor): void {
  const { value } = parameter;
  const [rows, columns] = value.shape;
  const size = UPDATE_SIZE * Math.sqrt(Math.max(rows, columns / partsOf(parameter)));
  const u = join(orthogonal, value.shape);
  const args = { lr, decay, momentum: 0, nesterov: false, gradScale: size };
  kernelsFor(value.dtype).sgd(value.size, value.address, u.address, u.address, args);
}

function updateMatrices(batch: readonly Update[], mu: number): void {
  const matrices = batch.map((each) => split(advance(each, mu), partsOf(each.parameter)));
  const orthogonal = orthogonalize(concat(matrices, 0));
  let first = 0;
  for (const [i, each] of batch.entries()) {
    const [parts] = matrices[i].shape;
    move(each, slice(orthogonal, 0, first, first + parts));
    first += parts;
  }
}

function muonRule(options: MuonOptions, isHidden: (path: string) => boolean): UpdateRule {
  const { momentum = 0.95, firstMomentum = 0.85, momentumWarmup = 300 } = options;
  const adamW = adamWRule(options);
  return {
    init(parameter, path) {
      if (!isHidden(path)) return adamW.init(parameter, path);
      const { shape, value } = parameter;
      if (shape.length === 2) return { m: zeros(shape, value.dtype) };
      throw new OptimizerError(`muon: ${path} ${show(shape)} is not a matrix; leave it out of the pattern hidden`);
    },
    update(updates, count) {
      const grown = momentumWarmup === 0 ? 1 : Math.min(1, (count - 1) / momentumWarmup);
      const mu = firstMomentum + (momentum - firstMomentum) * grown;
      adamW.update(
        updates.filter(({ path }) => !isHidden(path)),
        count,
      );
      for (const batch of batchesOf(updates.filter(({ path }) => isHidden(path)))) {
        scope(() => updateMatrices(batch, mu));
      }
    },
  };
}

/** Muon over parameters by path; `step` consumes their gradients. */
export function muon(parameters: ReadonlyMap<string, Variable>, options: MuonOptions): Optimizer {
  const { lr, matrixLr = 0.01, hidden = ".*/kernel" } = options;
  const pattern = pathPattern(hidden);
  const isHidden = (path: string): boolean => pattern.test(path);
  return new Optimizer(parameters, options, {
    name: "muon",
    kinds: KINDS,
    rule: muonRule(options, isHidden),
    lrOf: (path) => (isHidden(path) ? matrixLr : lr),
  });
}
