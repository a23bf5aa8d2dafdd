/**
 * TensorFlow 2's `tf.image.resize` of 8-bit RGB in float32, and big_vision's cast back to bytes: clipped, then truncated.
 *
 *   bilinear             reads in at (i + ½) · from / to − ½, edges repeated      (resize_bilinear, half pixel centers)
 *   bilinear, antialias  triangle as wide as the step between samples             (scale_and_translate, "triangle")
 *   bicubic              Keys' cubic from a table of 1,024 positions              (resize_bicubic, half pixel centers)
 *   bicubic, antialias   Keys' cubic, as wide                                     (scale_and_translate, "keyscubic")
 *   area                 mean over the area of the output pixel                   (resize_area)
 *
 * Where filters are wide or cubic, taps outside the image are dropped. Every product and sum is rounded to float32, in
 * TensorFlow's order: truncation shows the last bit of a value next to an integer.
 *
 * TensorFlow, core/kernels/image; big_vision, pp/ops_image.py.
 */
import { layTaps, type Taps } from "./taps.ts";

const f32 = Math.fround;

type Size = readonly [height: number, width: number];
type AxisTaps = (from: number, to: number) => Taps<Float32Array>;
const floats = (length: number): Float32Array => new Float32Array(length);

/** Divides by the sum, in float32. */
function normalized(weights: readonly number[]): number[] {
  const inverse = f32(1 / weights.reduce((sum, weight) => f32(sum + weight), 0));
  return weights.map((weight) => f32(weight * inverse));
}

const triangle = (x: number): number => (x < 1 ? f32(1 - x) : 0);
const keys = (x: number): number => {
  if (x >= 2) return 0;
  if (x >= 1) return f32(f32(f32(f32(f32(f32(-0.5 * x) + 2.5) * x) - 4) * x) + 2);
  return f32(f32(f32(f32(f32(1.5 * x) - 2.5) * x) * x) + 1);
};

/** Taps of scale_and_translate with antialias. */
const wideTaps =
  (kernel: (distance: number) => number, radius: number): AxisTaps =>
  (from, to) => {
    const step = f32(1 / f32(to / from));
    const stretch = Math.max(1, step);
    const inverse = f32(1 / stretch);
    const reach = f32(radius * stretch);
    const outputs = Array.from({ length: to }, (_, i) => {
      const centre = f32((i + 0.5) * step);
      const inside = (at: number): number => Math.min(from - 1, Math.max(0, at));
      const first = inside(Math.ceil(f32(f32(centre - reach) - 0.5)));
      const last = inside(Math.floor(f32(f32(centre + reach) - 0.5)));
      const weights: number[] = [];
      for (let j = first; j <= last; j++) weights.push(kernel(Math.abs(f32(f32(j + 0.5 - centre) * inverse))));
      return { first, weights: normalized(weights) };
    });
    return layTaps(outputs, floats);
  };

/** Half to even, as C's rint. */
export function roundHalfToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

const TABLE = 1024;

/** Taps of resize_bicubic with half pixel centers. */
const cubicTaps: AxisTaps = (from, to) => {
  const scale = f32(from / to);
  const near = (x: number): number => f32((1.5 * x - 2.5) * x * x + 1); // 0 ≤ x ≤ 1
  const far = (x: number): number => f32(((-0.5 * x + 2.5) * x - 4) * x + 2); // 1 ≤ x ≤ 2
  const outputs = Array.from({ length: to }, (_, i) => {
    const at = f32(f32((i + 0.5) * scale) - 0.5);
    const low = Math.floor(at);
    const part = roundHalfToEven(f32(at - low) * TABLE) / TABLE;
    const all = [far(1 + part), near(part), near(1 - part), far(2 - part)];
    const first = Math.max(0, low - 1);
    return { first, weights: normalized(all.slice(first - (low - 1), from - (low - 1))) };
  });
  return layTaps(outputs, floats);
};

/** Taps of resize_area: the length of each input pixel inside the output pixel; their sum is from / to. */
const areaTaps: AxisTaps = (from, to) => {
  const scale = f32(from / to);
  const outputs = Array.from({ length: to }, (_, i) => {
    const [start, end] = [f32(i * scale), f32((i + 1) * scale)];
    const first = Math.floor(start);
    const weights: number[] = [];
    for (let j = first; j < Math.ceil(end); j++) {
      const whole = j < start ? f32(j + 1 - start) : 1;
      weights.push(j + 1 > end ? (j < start ? scale : f32(end - j)) : whole);
    }
    return { first, weights };
  });
  return layTaps(outputs, floats);
};

/** Sums of weighted rows, then of columns: [toHeight, toWidth, 3], in the units of the input. */
function weightedResize(
  rgb: Uint8Array,
  [height, width]: Size,
  [toHeight, toWidth]: Size,
  axisTaps: AxisTaps,
): Float32Array {
  const [rows, columns] = [axisTaps(height, toHeight), axisTaps(width, toWidth)];
  const out = new Float32Array(toHeight * toWidth * 3);
  const stride = width * 3;
  const row = new Float32Array(stride);
  for (let i = 0, put = 0; i < toHeight; i++) {
    row.fill(0);
    for (let k = 0; k < rows.count[i]; k++) {
      const weight = rows.weights[i * rows.span + k];
      const start = (rows.first[i] + k) * stride;
      for (let x = 0; x < stride; x++) row[x] += f32(weight * rgb[start + x]);
    }
    for (let j = 0; j < toWidth; j++, put += 3) {
      let at = columns.first[j] * 3;
      const end = j * columns.span + columns.count[j];
      let [red, green, blue] = [0, 0, 0];
      for (let k = j * columns.span; k < end; k++, at += 3) {
        const weight = columns.weights[k];
        red = f32(red + f32(weight * row[at]));
        green = f32(green + f32(weight * row[at + 1]));
        blue = f32(blue + f32(weight * row[at + 2]));
      }
      out[put] = red;
      out[put + 1] = green;
      out[put + 2] = blue;
    }
  }
  return out;
}

/** Sums along the columns of each row, then of the rows, divided by the area: resize_area's order. */
function areaResize(rgb: Uint8Array, [height, width]: Size, [toHeight, toWidth]: Size): Float32Array {
  const [rows, columns] = [areaTaps(height, toHeight), areaTaps(width, toWidth)];
  const factor = f32(1 / f32(f32(height / toHeight) * f32(width / toWidth)));
  const out = new Float32Array(toHeight * toWidth * 3);
  for (let i = 0, put = 0; i < toHeight; i++) {
    for (let j = 0; j < toWidth; j++) {
      for (let c = 0; c < 3; c++, put++) {
        let sum = 0;
        for (let k = 0; k < rows.count[i]; k++) {
          // Rounding may put the end of the last area behind the edge, whose pixel is then repeated.
          const row = Math.min(height - 1, rows.first[i] + k) * width;
          let along = 0;
          for (let l = 0; l < columns.count[j]; l++) {
            const value = rgb[(row + Math.min(width - 1, columns.first[j] + l)) * 3 + c];
            along = f32(along + f32(value * columns.weights[j * columns.span + l]));
          }
          sum = f32(sum + f32(along * rows.weights[i * rows.span + k]));
        }
        out[put] = sum * factor;
      }
    }
  }
  return out;
}

/** The two inputs between which each output lies, and the fraction of the way. */
function neighbours(from: number, to: number) {
  const [low, high, part] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  const scale = f32(from / to);
  for (let i = 0; i < to; i++) {
    const at = f32(f32((i + 0.5) * scale) - 0.5);
    const floor = Math.floor(at);
    low[i] = Math.max(0, floor);
    high[i] = Math.min(from - 1, floor + 1);
    part[i] = at - floor;
  }
  return { low, high, part };
}

/** Linear interpolation; exact for equal ends, so a plain area stays plain. */
const mix = (a: number, b: number, part: number): number => f32(a + f32(f32(b - a) * part));

function bilinearResize(rgb: Uint8Array, [height, width]: Size, [toHeight, toWidth]: Size): Float32Array {
  const [rows, columns] = [neighbours(height, toHeight), neighbours(width, toWidth)];
  const out = new Float32Array(toHeight * toWidth * 3);
  for (let i = 0, put = 0; i < toHeight; i++) {
    const [above, below, down] = [rows.low[i] * width, rows.high[i] * width, rows.part[i]];
    for (let j = 0; j < toWidth; j++) {
      const [left, right, across] = [columns.low[j], columns.high[j], columns.part[j]];
      for (let c = 0; c < 3; c++, put++) {
        const top = mix(rgb[(above + left) * 3 + c], rgb[(above + right) * 3 + c], across);
        const bottom = mix(rgb[(below + left) * 3 + c], rgb[(below + right) * 3 + c], across);
        out[put] = mix(top, bottom, down);
      }
    }
  }
  return out;
}

/** How TensorFlow resizes. */
export interface TensorflowMethod {
  readonly method: "bilinear" | "bicubic" | "area";
  readonly antialias: boolean;
}

/** Resizes [height, width, 3] to [toHeight, toWidth, 3] in float32, before the cast to bytes. */
export function tensorflowResizeFloat(rgb: Uint8Array, from: Size, to: Size, how: TensorflowMethod): Float32Array {
  const { method, antialias } = how;
  if (from[0] === to[0] && from[1] === to[1]) return Float32Array.from(rgb);
  if (method === "area") return areaResize(rgb, from, to);
  if (method === "bicubic") return weightedResize(rgb, from, to, antialias ? wideTaps(keys, 2) : cubicTaps);
  return antialias ? weightedResize(rgb, from, to, wideTaps(triangle, 1)) : bilinearResize(rgb, from, to);
}

/** Resizes [height, width, 3] to [toHeight, toWidth, 3]. */
export function tensorflowResize(rgb: Uint8Array, from: Size, to: Size, how: TensorflowMethod): Uint8Array {
  const floats = tensorflowResizeFloat(rgb, from, to, how);
  const bytes = new Uint8Array(floats.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.min(255, Math.max(0, floats[i]));
  return bytes;
}
