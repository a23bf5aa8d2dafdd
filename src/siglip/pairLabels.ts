/** A rule of `PairRule` for matrices of pairs: the labels that it gives, as constants. For the forms that hold such matrices. */
import { op } from "../autograd/index.ts";
import { type BlockRule, generate, labelOf, type Tensor } from "../tensor/index.ts";

/** Labels z and whether each pair counts, 1 or 0, from the similarities S of a block.   [n, m] → [n, m] each */
export function labelsOf(rule: BlockRule, s: Tensor): { labels: Tensor; counted: Tensor } {
  const [, m] = s.shape;
  const { data } = s;
  const given = Array.from(data, (value, at) =>
    labelOf(rule, rule.row + Math.floor(at / m), rule.col + (at % m), rule.batch, value),
  );
  return {
    labels: generate(s.shape, (at) => given[at] || 1, s.dtype),
    counted: generate(s.shape, (at) => Math.abs(given[at]), s.dtype),
  };
}

/** x where `counted` is 1, else 0, whatever x is; the gradient likewise, so that no NaN or infinity passes. */
export const hide = op("hide", (x: Tensor, counted: Tensor) => {
  const where = (of: Tensor): Tensor => {
    const [values, isCounted] = [of.data, counted.data];
    return generate(of.shape, (at) => (isCounted[at] === 1 ? values[at] : 0), of.dtype);
  };
  return { value: where(x), vjps: [where, undefined], saves: [counted] };
});
