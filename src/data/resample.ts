/**
 * Resampling of a square part of a picture by a triangle filter as wide as the step between samples.
 *
 *   out(u) = Σ w(x − u) in(x) / Σ w      w(d) = max(0, 1 − |d| / r)      r = softness · max(1, crop / side)
 *
 * Enlarging is bilinear interpolation; reducing skips no pixel, so thin lines remain. Rows and columns are filtered separately.
 * With premultiplied alpha, everything outside the picture is transparent.
 */

/** A square of a picture, in pixels; may extend beyond the edges. */
export interface Crop {
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** The weights of one axis: for each output pixel, the first input pixel and the weights from there on, with sum 1. */
function axisWeights(start: number, crop: number, side: number, softness: number) {
  const step = crop / side;
  const radius = softness * Math.max(1, step);
  return Array.from({ length: side }, (_, i) => {
    const centre = start + (i + 0.5) * step - 0.5;
    const first = Math.ceil(centre - radius);
    const weights: number[] = [];
    for (let x = first; x <= centre + radius; x++) weights.push(Math.max(0, 1 - Math.abs(x - centre) / radius));
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** Resamples a crop of `pixels` [height, width, channels] to [side, side, channels], in the units of the input, unrounded. */
export function resampleSquare(
  pixels: Uint8Array | Float32Array,
  width: number,
  height: number,
  channels: number,
  crop: Crop,
  side: number,
  softness = 1,
): Float32Array {
  const columns = axisWeights(crop.left, crop.side, side, softness);
  const rows = axisWeights(crop.top, crop.side, side, softness);
  const narrow = new Float32Array(height * side * channels);
  for (let y = 0; y < height; y++) {
    columns.forEach(({ first, weights }, i) => {
      for (let k = 0; k < weights.length; k++) {
        const x = first + k;
        if (x < 0 || x >= width) continue;
        for (let c = 0; c < channels; c++) {
          narrow[(y * side + i) * channels + c] += weights[k] * pixels[(y * width + x) * channels + c];
        }
      }
    });
  }
  const out = new Float32Array(side * side * channels);
  const stride = side * channels;
  rows.forEach(({ first, weights }, i) => {
    for (let k = 0; k < weights.length; k++) {
      const y = first + k;
      if (y < 0 || y >= height) continue;
      for (let x = 0; x < stride; x++) out[i * stride + x] += weights[k] * narrow[y * stride + x];
    }
  });
  return out;
}
