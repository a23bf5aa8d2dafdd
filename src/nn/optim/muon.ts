/**
 * Muon: momentum whose matrices are orthogonalized, so that a step changes every direction of a layer by the same amount.
 *
 *     m ← μ·m + (1 − μ)·g        n = (1 − μ)·g + μ·m        u = 0.2·√max(rows, columns)·orthogonalize(n)
 *     p ← p − s·(lr·mult·u + wd·wdMult·p)
 *
 * with s the schedule factor. The factor 0.2·√max gives u the size of AdamW's direction (Liu et al. 2025, arXiv:2502.16982).
 * This is for the matrices inside the network; embeddings, biases, norms, t′ and b are updated by AdamW. A matrix that fuses
 * several (queries, keys and values) is orthogonalized part by part. Jordan et al. 2024, "Muon".
 *
 * Orthogonalizing takes nearly all the time of an update, so each device does it for a share of the matrices.
 */
import type { Variable } from "../../autograd/index.ts";
import { concat, empty, kernelsFor, permute, scope, show, type Tensor, zeros } from "../../tensor/index.ts";
import { ADAM_KINDS, type AdamWOptions, adamWRule } from "./adamW.ts";
import { OptimizerError } from "./errors.ts";
import { orthogonalize, orthogonalizeFlops } from "./newtonSchulz.ts";
import { Optimizer, type StepDevices, type Update, type UpdateRule } from "./optimizer.ts";
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
const MOST_NUMBERS = 2 ** 22; // that a device orthogonalizes at a time: bounds the memory of a step

const KINDS = {
  ...ADAM_KINDS,
  matrixLr: RATE,
  hidden: PATTERN,
  momentum: FRACTION,
  firstMomentum: FRACTION,
  momentumWarmup: COUNT,
};

const partsOf = ({ layout }: Variable): number => layout.parts ?? 1;

/** Rows and columns of each matrix that a parameter fuses. */
const sidesOf = ({ shape: [rows, columns], layout: { parts = 1 } }: Variable): readonly [number, number] => [
  rows,
  columns / parts,
];

/** The matrices that a [rows, parts·columns] tensor fuses, side by side.   [parts, rows, columns] */
const split = (x: Tensor, parameter: Variable): Tensor => {
  const [rows, columns] = sidesOf(parameter);
  const parts = partsOf(parameter);
  return parts === 1 ? x.view([1, rows, columns]) : permute(x.view([rows, parts, columns]), [1, 0, 2]);
};

/** The inverse of `split`. */
const join = (matrices: Tensor, parameter: Variable): Tensor =>
  (partsOf(parameter) === 1 ? matrices : permute(matrices, [1, 0, 2])).view(parameter.shape);

/** Updates of matrices of equal sides. */
function bySides(updates: readonly Update[]): Update[][] {
  const groups = new Map<string, Update[]>();
  for (const update of updates) {
    const sides = sidesOf(update.parameter).join();
    groups.set(sides, [...(groups.get(sides) ?? []), update]);
  }
  return [...groups.values()];
}

/** Updates in groups of at most `most` numbers, or one parameter. */
function inGroups(updates: readonly Update[], most: number): Update[][] {
  const groups: Update[][] = [];
  let numbers = Number.POSITIVE_INFINITY;
  for (const update of updates) {
    const { size } = update.parameter.value;
    if (numbers + size > most) {
      groups.push([]);
      numbers = 0;
    }
    groups[groups.length - 1].push(update);
    numbers += size;
  }
  return groups;
}

/** Divides updates among devices: each goes to the device with the least work so far, the most work first. */
function share(updates: readonly Update[], devices: number): Update[][] {
  const shares = Array.from({ length: devices }, () => ({ updates: [] as Update[], work: 0 }));
  const workOf = ({ parameter }: Update): number => partsOf(parameter) * orthogonalizeFlops(...sidesOf(parameter));
  for (const update of [...updates].sort((a, b) => workOf(b) - workOf(a))) {
    const least = shares.reduce((a, b) => (b.work < a.work ? b : a));
    least.updates.push(update);
    least.work += workOf(update);
  }
  return shares.map((each) => bySides(each.updates).flat());
}

/** Advances the momentum; returns the gradient to orthogonalize. */
function advance({ g, state: { m }, gradScale }: Update, momentum: number): Tensor {
  const out = empty("muon", m.shape, m.dtype);
  kernelsFor(m.dtype).muonMomentum(m.size, g.address, m.address, out.address, { momentum, gradScale });
  return out;
}

/** p ← p − (lr·u + decay·p): gradient descent along u, without momentum. */
function move({ parameter, lr, decay }: Update, orthogonal: Tensor): void {
  const { value } = parameter;
  const size = UPDATE_SIZE * Math.sqrt(Math.max(...sidesOf(parameter)));
  const u = join(orthogonal, parameter);
  const args = { lr, decay, momentum: 0, nesterov: false, gradScale: size };
  kernelsFor(value.dtype).sgd(value.size, value.address, u.address, u.address, args);
}

/** Every device orthogonalizes its share of the matrices and gets the others from the other devices. */
function updateMatrices(updates: readonly Update[], momentum: number, devices: StepDevices): void {
  const shares = share(updates, devices.size);
  const lengths = shares.map((each) => each.reduce((sum, { parameter }) => sum + parameter.value.size, 0));
  const length = Math.max(...lengths);

  const { dtype } = updates[0].parameter.value;
  const own = empty("muon", [length], dtype);
  own.data.fill(0, lengths[devices.rank]); // no other memory of this device goes to others
  for (const [rank, each] of shares.entries()) {
    let at = 0;
    for (const batch of bySides(each)) {
      scope(() => {
        const fresh = batch.map((update) => advance(update, momentum)); // on every device
        if (rank !== devices.rank) return;
        const matrices = fresh.map((g, i) => split(g, batch[i].parameter));
        const x = orthogonalize(concat(matrices, 0));
        kernelsFor(dtype).copy(x.size, x.address, own.view([x.size], at).address);
        at += x.size;
      });
    }
  }
  const all = devices.size === 1 ? own : devices.allGather(own);

  for (const [rank, each] of shares.entries()) {
    let at = rank * length;
    for (const update of each) {
      const { parameter } = update;
      move(update, all.view([partsOf(parameter), ...sidesOf(parameter)], at));
      at += parameter.value.size;
    }
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
    update(updates, count, devices) {
      const grown = momentumWarmup === 0 ? 1 : Math.min(1, (count - 1) / momentumWarmup);
      const mu = firstMomentum + (momentum - firstMomentum) * grown;
      adamW.update(
        updates.filter(({ path }) => !isHidden(path)),
        count,
        devices,
      );
      const hidden = updates.filter(({ path }) => isHidden(path));
      for (const group of inGroups(hidden, MOST_NUMBERS * devices.size)) {
        scope(() => updateMatrices(group, mu, devices));
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
