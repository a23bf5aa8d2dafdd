/** From the bytes of an image to the numbers that a model reads. */
import type { PixelValues } from "./spec.ts";

const f32 = Math.fround;

/** The number of each byte; every step is rounded to float32, as in the libraries. */
export function valueTable(values: PixelValues, channel: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, byte) => {
    if (values.kind === "normalize") {
      return f32(f32(byte * values.scale) - f32(values.mean[channel])) / f32(values.std[channel]);
    }
    const { low, high, inLow, inHigh, clip } = values;
    const share = f32(f32(byte - f32(inLow)) / f32(f32(inHigh) - f32(inLow)));
    const value = f32(f32(low) + f32(share * f32(high - low)));
    return clip ? Math.min(f32(high), Math.max(f32(low), value)) : value;
  });
}
