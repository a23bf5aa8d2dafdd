/**
 * Pixels as in the training of the released SigLIP models: resized to a square, bilinear, in −1..1.
 *
 *   out(i) reads in at (i + ½) · from / to − ½, edges repeated; rounded down to a byte; v = byte / 255 · 2 − 1
 *
 * The reference resizes without antialiasing and truncates (big_vision pp/ops_image.py: tf.image.resize, then a cast to uint8),
 * with each step in float32. All of this affects the last bits of an embedding, so it is reproduced here.
 */

const f32 = Math.fround;

/** For each output position: the two inputs that it lies between, and the fraction of the way. */
function positions(from: number, to: number) {
  const scale = f32(from / to);
  return Array.from({ length: to }, (_, i) => {
    const at = f32(f32((i + 0.5) * scale) - 0.5);
    const low = Math.floor(at);
    return { low: Math.max(0, low), high: Math.min(from - 1, low + 1), part: f32(at - low) };
  });
}

/** Prepares RGB bytes for a released SigLIP model: [height, width, 3] → [resolution, resolution, 3] in −1..1. */
export function siglipPixels(rgb: Uint8Array, width: number, height: number, resolution: number): Float32Array {
  const out = new Float32Array(resolution * resolution * 3);
  const columns = positions(width, resolution);
  positions(height, resolution).forEach((row, y) => {
    columns.forEach((column, x) => {
      for (let c = 0; c < 3; c++) {
        const read = (v: number, u: number) => rgb[(v * width + u) * 3 + c];
        const top = mix(read(row.low, column.low), read(row.low, column.high), column.part);
        const bottom = mix(read(row.high, column.low), read(row.high, column.high), column.part);
        const byte = Math.floor(mix(top, bottom, row.part));
        out[(y * resolution + x) * 3 + c] = f32(f32(byte / 255) * 2) - 1;
      }
    });
  });
  return out;
}

/** Linear interpolation; exact for equal ends, so a plain area stays plain. */
const mix = (a: number, b: number, part: number): number => f32(a + f32(f32(b - a) * part));
