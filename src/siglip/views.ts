/**
 * Losses with two views: a batch of n texts y has 2n images, of which rows 2i and 2i + 1, aᵢ and bᵢ, show the item of text i. From
 * a loss ℒ of n images and n texts:
 *
 *     texts          L = ½·(ℒ(a, y) + ℒ(b, y))
 *     image-image    L = ½·(ℒ(a, y) + ℒ(b, y)) + ℒ(a, b)
 *
 * all with the same t and b. The SigLIP paper has one image for each text; a term that compares two views of an image is in SLIP
 * (Mu et al. 2021, arXiv:2112.12750), with a loss of its own.
 *
 * Each term is one call of ℒ in its given form, and gradients are added in the order of the terms. So whatever is true of the form
 * on several devices is true here: also the same bits.
 */
import { addInto, concat, mul, permute, ShapeError, scope, show, slice, type Tensor, zeros } from "../tensor/index.ts";
import type { LossGradients } from "./fusedLoss.ts";
import type { EmbeddedBatch, LossForm } from "./lossForm.ts";

/** What two views are compared with: the texts, or also each other. */
export type ViewTerms = "texts" | "image-image";

const SUMMARIES: Readonly<Record<ViewTerms, string>> = {
  texts: "Each picture comes in two views; the loss is the mean of both.",
  "image-image":
    "Each picture comes in two views; the loss is the mean of both, and asks the same of the first views with the second in place of texts.",
};

/** The loss of two views in the form of a loss of one: images [2·n, d], texts [n, d]. Throws `TypeError` for unknown terms. */
export function withTwoViews({ check, ...form }: LossForm, terms: ViewTerms): LossForm {
  if (!Object.hasOwn(SUMMARIES, terms)) {
    throw new TypeError(
      `withTwoViews: terms must be one of ${Object.keys(SUMMARIES).join(", ")}, not ${JSON.stringify(terms)}`,
    );
  }
  const comparesViews = terms === "image-image";
  return {
    ...form,
    name: `${form.name}, two views with ${terms}`,
    summary: `${form.summary} ${SUMMARIES[terms]}`,
    views: 2,
    operations: (comparesViews ? 3 : 2) * form.operations,
    blindLoss: (n) => (comparesViews ? 2 : 1) * form.blindLoss(n),
    gradients: (batch) => scope(() => sumOfTerms(form.gradients, batch, comparesViews)),
  };
}

/** Rows of one kind, and the sum of their gradients so far. */
interface Side {
  readonly z: Tensor;
  readonly dz: Tensor;
}

function sumOfTerms(gradients: LossForm["gradients"], batch: EmbeddedBatch, comparesViews: boolean): LossGradients {
  const [n, d] = checkViews(batch);
  const side = (z: Tensor): Side => ({ z, dz: zeros(z.shape, z.dtype) });
  const both = batch.zimg.view([n, 2 * d]);
  const [a, b, y] = [slice(both, 1, 0, d), slice(both, 1, d, 2 * d), batch.ztxt].map(side);
  const terms: (readonly [weight: number, images: Side, texts: Side])[] = [
    [0.5, a, y],
    [0.5, b, y],
  ];
  if (comparesViews) terms.push([1, a, b]);

  const sums = { loss: 0, dtPrime: 0, db: 0 };
  for (const [number, [weight, images, texts]] of terms.entries()) {
    const random = batch.rng ? { rng: batch.rng.split(number) } : {}; // each term chooses its negatives anew
    scope(() => {
      const term = gradients({ ...batch, ...random, zimg: images.z, ztxt: texts.z });
      sums.loss += weight * term.loss;
      sums.dtPrime += weight * term.dtPrime;
      sums.db += weight * term.db;
      addInto(images.dz, mul(term.dzimg, weight));
      addInto(texts.dz, mul(term.dztxt, weight));
    });
  }
  return { ...sums, dzimg: interleaved(a.dz, b.dz), dztxt: y.dz };
}

/** Rows 2i from a and 2i + 1 from b.   a, b [n, d] → [2·n, d] */
function interleaved(a: Tensor, b: Tensor): Tensor {
  const [n, d] = a.shape;
  return permute(concat([a, b], 0).view([2, n, d]), [1, 0, 2]).view([2 * n, d]);
}

/** n and d. Throws `ShapeError` unless images are [2·n, d] and texts [n, d]. */
function checkViews({ zimg, ztxt }: EmbeddedBatch): readonly [n: number, d: number] {
  const [n, d] = ztxt.shape;
  if (zimg.shape.length !== 2 || ztxt.shape.length !== 2 || zimg.shape[0] !== 2 * n || zimg.shape[1] !== d) {
    throw new ShapeError(
      `loss of two views: images ${show(zimg.shape)} and texts ${show(ztxt.shape)}; they must be [2·n, d] and [n, d], with both views of an item in rows 2i and 2i + 1`,
    );
  }
  return [n, d];
}
