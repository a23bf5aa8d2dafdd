/**
 * Which negatives of a batch count (SigLIP section 4.8), and what pairs of the same text are.
 *
 * A loss by a choice of negatives has a share ρ of the negatives of the whole matrix of pairs, not of each row:
 *
 *     random    each negative with probability ρ, a pure function of the step's random numbers, row and column
 *     hard      those with the highest logits; of equal ones those with the lowest index i·n + j
 *     easy      those with the lowest logits
 *
 * The choice has no gradient. All positives count, and n stays the divisor (the paper does not say; so the positives weigh as much
 * as without a choice). "Matched pairs" of the paper, as many pairs in all as without a choice, are 1/ρ times the steps.
 *
 * Each is a form made of any form, like `withTwoViews`, whatever computes it: a form gets a rule with its batch.
 */
import type { Communicator } from "../parallel/index.ts";
import {
  groupPairs,
  type PairGroups,
  type PairRule,
  type RandomNegatives,
  type Rng,
  scope,
  tensor,
} from "../tensor/index.ts";
import type { EmbeddedBatch, LossForm, SameName } from "./lossForm.ts";
import { firstNegatives } from "./rankNegatives.ts";
import { shardBatch } from "./shardRing.ts";

/** How negatives are chosen. */
export type NegativeChoice = "random" | "hard" | "easy";

const WHICH: Readonly<Record<NegativeChoice, string>> = {
  random: "chosen at random",
  hard: "those with the highest logits",
  easy: "those with the lowest logits",
};

/** A sigmoid loss in which a share of the negatives counts. Throws `TypeError` for another loss, choice or share. */
export function withNegatives({ check, ...form }: LossForm, choice: NegativeChoice, ratio: number): LossForm {
  if (!Object.hasOwn(WHICH, choice)) {
    const known = Object.keys(WHICH).join(", ");
    throw new TypeError(`withNegatives: the choice must be one of ${known}, not ${JSON.stringify(choice)}`);
  }
  if (!(ratio > 0 && ratio <= 1))
    throw new TypeError(`withNegatives: a ratio of ${ratio} is not above 0 and at most 1`);
  if (form.probability === undefined) {
    throw new TypeError(`withNegatives: the ${form.name} loss compares each pair with all others; choose negatives of a sigmoid loss`); // biome-ignore format: a line
  }
  return {
    ...form,
    name: `${form.name}, ${choice} negatives ${ratio}`,
    summary: `${form.summary} Of the pairs that do not match, a share of ${ratio} counts: ${WHICH[choice]}.`,
    operations: form.operations + (choice === "random" ? 0 : 2),
    // min over ℓ of log(1 + e^−ℓ) + m·log(1 + e^ℓ), with m = ρ·(n − 1) negatives a row
    blindLoss(n) {
      const m = ratio * (n - 1);
      return m === 0 ? 0 : Math.log1p(m) + m * Math.log1p(1 / m);
    },
    gradients(batch) {
      const rule = batch.rule ?? {};
      const kept =
        choice === "random" ? randomNegatives(batch, ratio) : scope(() => rankedNegatives(batch, rule, choice, ratio)); // numbers, no tensors
      return form.gradients({ ...batch, rule: kept ? { ...rule, kept } : rule });
    },
  };
}

/** Each negative with probability `ratio`. */
function randomNegatives({ rng, comm, ztxt }: EmbeddedBatch, ratio: number): RandomNegatives {
  if (!rng) {
    throw new TypeError("loss: random negatives need the random numbers of the step; add them to the batch: { ...batch, rng: new Rng(seed).split(step) }"); // biome-ignore format: a line
  }
  const n = ztxt.shape[0] * comm.size;
  const of = rng.split("negatives");
  const keys = (side: Rng): Int32Array => Int32Array.from({ length: n }, () => side.bits());
  const most = Math.max(0, Math.round(ratio * 2 ** 32) - 1);
  return { kind: "random", rowKeys: keys(of.split("images")), colKeys: keys(of.split("texts")), most };
}

/** A share of the negatives by their logits; undefined without negatives. */
function rankedNegatives(
  { zimg, ztxt, comm, shards }: EmbeddedBatch,
  rule: PairRule,
  choice: "hard" | "easy",
  ratio: number,
) {
  const cut = shardBatch("withNegatives", zimg, ztxt, comm, shards);
  const negatives = cut.batch ** 2 - (rule.groups ? sameGroup(rule.groups.of) : cut.batch);
  if (negatives === 0) return undefined;
  const k = Math.max(1, Math.round(ratio * negatives));
  return firstNegatives({ cut, zimg, ztxt, rule, sign: choice === "hard" ? 1 : -1 }, k, negatives);
}

/** Pairs of an image and a text of one group. */
function sameGroup(groups: Int32Array): number {
  const sizes = new Map<number, number>();
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  let pairs = 0;
  for (const size of sizes.values()) pairs += size ** 2;
  return pairs;
}

/**
 * A loss in which an image and the text of another pair of its group are no negative: they do not count, or are a positive, in
 * batches with `groups`. Throws `TypeError` for anything else, and for positives of a loss without a bias.
 */
export function withSameName({ check, ...form }: LossForm, sameName: SameName): LossForm {
  if (sameName !== "mask" && sameName !== "positive") {
    throw new TypeError(`withSameName: must be mask or positive, not ${JSON.stringify(sameName)}`);
  }
  if (sameName === "positive" && form.probability === undefined) {
    throw new TypeError(`withSameName: in the ${form.name} loss each image has one text, so there cannot be more positives; mask them`); // biome-ignore format: a line
  }
  return {
    ...form,
    sameName,
    gradients(batch) {
      const { groups, comm } = batch;
      if (!groups) return form.gradients(batch);
      return form.gradients({ ...batch, rule: { ...batch.rule, groups: batchGroups(groups, comm, sameName) } });
    },
  };
}

/** The groups of the whole batch, from those of this device's rows. Every rank takes part. */
export function batchGroups(own: Int32Array, comm: Communicator, sameName: SameName): PairGroups {
  const all = scope(() => Int32Array.from(comm.allGather(tensor(own, [own.length], "f64")).data));
  return groupPairs(all, sameName === "positive" ? "positive" : "masked");
}

/**
 * A group for each own row of tokens [k·n, L], the same on every device for the same tokens: the number of the first row of the
 * batch that has them. Every rank takes part.
 */
export function groupsOfTokens(tokens: Int32Array, rows: number, comm: Communicator): Int32Array {
  const length = tokens.length / rows;
  const all = scope(() => comm.allGather(tensor(tokens, [rows, length], "f64")).toArray());
  const first = new Map<string, number>();
  const groups = Int32Array.from({ length: rows * comm.size }, (_, row) => {
    const text = all.subarray(row * length, (row + 1) * length).join();
    const seen = first.get(text) ?? row;
    first.set(text, seen);
    return seen;
  });
  return groups.subarray(comm.rank * rows, (comm.rank + 1) * rows);
}
