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

/**
 * The weights of one axis: for each output pixel, the first input pixel and the weights from there on. They have sum 1, but those
 * of pixels outside 0 to `size` are left out.
 */
function axisWeights(start: number, crop: number, side: number, softness: number, size: number) {
  const step = crop / side;
  const radius = softness * Math.max(1, step);
  return Array.from({ length: side }, (_, i) => {
    const centre = start + (i + 0.5) * step - 0.5;
    const weights: number[] = [];
    const first = Math.ceil(centre - radius);
    for (let x = first; x <= centre + radius; x++) weights.push(Math.max(0, 1 - Math.abs(x - centre) / radius));
    const sum = weights.reduce((a, b) => a + b, 0);
    const inside = weights.map((weight) => weight / sum).slice(Math.max(0, -first), Math.max(0, size - first));
    return { first: Math.max(0, first), weights: inside };
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
  const columns = axisWeights(crop.left, crop.side, side, softness, width);
  const rows = axisWeights(crop.top, crop.side, side, softness, height);
  const narrow = new Float32Array(height * side * channels);
  const stride = side * channels;
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < side; i++) {
      const { first, weights } = columns[i];
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        let from = (y * width + first) * channels + c;
        for (let k = 0; k < weights.length; k++, from += channels) sum = Math.fround(sum + weights[k] * pixels[from]);
        narrow[y * stride + i * channels + c] = sum;
      }
    }
  }
  const out = new Float32Array(side * stride);
  for (let i = 0; i < side; i++) {
    const { first, weights } = rows[i];
    for (let k = 0; k < weights.length; k++) {
      const [weight, from, to] = [weights[k], (first + k) * stride, i * stride];
      for (let x = 0; x < stride; x++) out[to + x] += weight * narrow[from + x];
    }
  }
  return out;
}
