/** Layer normalization and L2 normalization over the last axis, each with its gradient in one pass. */
import { checkSameType } from "./elementwise.ts";
import { kernelsFor } from "./select/select.ts";
import { ShapeError, sameShape, show } from "./shape.ts";
import { empty, type Tensor } from "./tensor.ts";

const split = (x: Tensor): [rows: number, cols: number] => {
  const cols = x.shape[x.shape.length - 1] ?? 1;
  return [cols === 0 ? 0 : x.size / cols, cols];
};

/** Value of `layerNorm`, and the intermediates that its gradient reads. */
export interface LayerNormResult {
  readonly value: Tensor;
  /** Mean and 1/√(var + eps) of every row. */
  readonly mean: Tensor;
  readonly rstd: Tensor;
}

/** (x − mean)·rstd·scale + bias, rstd = 1/√(var + eps).   x [..., D]   scale, bias [D] */
export function layerNorm(x: Tensor, scale: Tensor, bias: Tensor, eps: number): LayerNormResult {
  const [rows, cols] = split(x);
  checkSameType("layerNorm", x, scale);
  checkSameType("layerNorm", x, bias);
  if (!sameShape(scale.shape, [cols]) || !sameShape(bias.shape, [cols])) {
    throw new ShapeError(
      `layerNorm: scale ${show(scale.shape)} and bias ${show(bias.shape)} must both be [${cols}] for x ${show(x.shape)}`,
    );
  }
  const value = empty("layerNorm", x.shape, x.dtype);
  const mean = empty("layerNorm", x.shape.slice(0, -1), x.dtype);
  const rstd = empty("layerNorm", x.shape.slice(0, -1), x.dtype);
  kernelsFor(x.dtype).layerNorm(
    rows,
    cols,
    eps,
    x.address,
    scale.address,
    bias.address,
    value.address,
    mean.address,
    rstd.address,
  );
  return { value, mean, rstd };
}

/** Gradients of `layerNorm` with respect to x, scale and bias. */
export function layerNormGrad(
  x: Tensor,
  scale: Tensor,
  { mean, rstd }: LayerNormResult,
  g: Tensor,
): { dx: Tensor; dscale: Tensor; dbias: Tensor } {
  const [rows, cols] = split(x);
  const dx = empty("gradient of layerNorm", x.shape, x.dtype);
  const dscale = empty("gradient of layerNorm", scale.shape, x.dtype);
  const dbias = empty("gradient of layerNorm", scale.shape, x.dtype);
  kernelsFor(x.dtype).layerNormGrad(
    rows,
    cols,
    x.address,
    scale.address,
    mean.address,
    rstd.address,
    g.address,
    dx.address,
    dscale.address,
    dbias.address,
  );
  return { dx, dscale, dbias };
}

/** Rows divided by (‖row‖ + eps); a zero row gives zeros.   x [..., D] → value [..., D], norm [...] */
export function l2Normalize(x: Tensor, eps: number): { value: Tensor; norm: Tensor } {
  const value = empty("l2Normalize", x.shape, x.dtype);
  const norm = empty("l2Normalize", x.shape.slice(0, -1), x.dtype);
  kernelsFor(x.dtype).l2Normalize(...split(x), eps, x.address, value.address, norm.address);
  return { value, norm };
}

/** Gradient of `l2Normalize` with respect to x. */
export function l2NormalizeGrad(x: Tensor, norm: Tensor, g: Tensor, eps: number): Tensor {
  const dx = empty("gradient of l2Normalize", x.shape, x.dtype);
  kernelsFor(x.dtype).l2NormalizeGrad(...split(x), eps, x.address, norm.address, g.address, dx.address);
  return dx;
}
