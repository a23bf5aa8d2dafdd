/**
 * Augmentation: draws a stored picture, transformed and recoloured, as model input on white.
 *
 *   view pixel → content:   q = A⁻¹ (p − centre − shift)    A = R(rotation) · diag(s·√a, s / √a)
 *   colour:                 c ↦ k · S · H · c + m           H hue, S saturation, k contrast about ½ plus brightness
 *
 * Only the drawing is recoloured, never the white around it. Colour maps are linear in premultiplied channels (with the constant
 * m times alpha), so transparent edges stay correct; H and S preserve the luma. Every row draws the same count of random numbers,
 * from its own generator.
 */
import { heap, kernelsFor, portable, type Rng } from "../tensor/index.ts";
import { toInput } from "./batches.ts";

/** Share of the view's side that an unaugmented drawing takes: the middle of the range in training. */
const CONTENT = 0.88;

/** Ranges of the random changes; "exponent" means of e. */
export interface Augmentation {
  /** Share of the view's side that the drawing takes. */
  readonly scale: readonly [number, number];
  /** ± exponent of width : height. */
  readonly aspect: number;
  /** ± degrees. */
  readonly rotation: number;
  /** ± share of the view. */
  readonly shift: number;
  /** ± degrees. */
  readonly hue: number;
  /** Exponents, from and to. */
  readonly saturation: readonly [number, number];
  /** Share of rows without colour. */
  readonly grey: number;
  /** ± exponent. */
  readonly contrast: number;
  /** ± share of white. */
  readonly brightness: number;
  /** Share of rows that are blurred. */
  readonly blur: number;
  /** Share of rows with a white square of 0.2 to 0.4 of the side. */
  readonly cutOut: number;
}

/** Presets. None flips: captions may say left and right. `strong` is for runs of several times the default length. */
export const augmentations = {
  none: {
    scale: [CONTENT, CONTENT],
    aspect: 0,
    rotation: 0,
    shift: 0,
    hue: 0,
    saturation: [0, 0],
    grey: 0,
    contrast: 0,
    brightness: 0,
    blur: 0,
    cutOut: 0,
  },
  light: {
    scale: [0.75, 1],
    aspect: 0.08,
    rotation: 8,
    shift: 0.03,
    hue: 9,
    saturation: [-0.3, 0.15],
    grey: 0.05,
    contrast: 0.1,
    brightness: 0.05,
    blur: 0,
    cutOut: 0,
  },
  strong: {
    scale: [0.7, 1],
    aspect: 0.08,
    rotation: 12,
    shift: 0.04,
    hue: 27,
    saturation: [-0.6, 0.3],
    grey: 0.1,
    contrast: 0.2,
    brightness: 0.05,
    blur: 0.1,
    cutOut: 0.2,
  },
} as const satisfies Record<string, Augmentation>;

/** The changes of one row. View pixel (x, y) reads the content at (a·x + b·y + c, d·x + e·y + f), in shares of the side. */
export interface View {
  readonly place: readonly [a: number, b: number, c: number, d: number, e: number, f: number];
  /** Rows of the colour map: three factors and the constant. */
  readonly colour: readonly number[];
  readonly blur: boolean;
  /** Left, top and side of the white square, as shares of the view. */
  readonly cutOut: readonly [number, number, number] | undefined;
}

const IDENTITY: readonly number[] = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

/** The view for evaluation, without changes. Coordinates are shares of the side, relative to its centre. */
export const plainView: View = {
  place: [1 / CONTENT, 0, 0, 0, 1 / CONTENT, 0],
  colour: IDENTITY,
  blur: false,
  cutOut: undefined,
};

/** Draws the changes of one row. */
export function randomView(rng: Rng, by: Augmentation): View {
  const around = (half: number) => rng.between(-half, half);
  const scale = rng.between(...by.scale);
  const aspect = portable.exp(around(by.aspect) / 2);
  const { cos, sin } = portable.cosSin(around(by.rotation) / 360);
  const [dx, dy] = [around(by.shift), around(by.shift)];
  const [sx, sy] = [1 / (scale * aspect), aspect / scale];
  const place = [cos * sx, sin * sx, 0, -sin * sy, cos * sy, 0] as [number, number, number, number, number, number];
  place[2] = -(place[0] * dx + place[1] * dy);
  place[5] = -(place[3] * dx + place[4] * dy);

  const hue = around(by.hue) / 360;
  const saturation = portable.exp(rng.between(...by.saturation));
  const isGrey = rng.uniform() < by.grey;
  const contrast = portable.exp(around(by.contrast));
  const brightness = around(by.brightness);
  const colour = colourMap(hue, isGrey ? 0 : saturation, contrast, 0.5 * (1 - contrast) + brightness);

  const blur = rng.uniform() < by.blur;
  const cuts = rng.uniform() < by.cutOut;
  const side = rng.between(0.2, 0.4);
  const [left, top] = [rng.between(0, 1 - side), rng.between(0, 1 - side)];
  return { place, colour, blur, cutOut: cuts ? [left, top, side] : undefined };
}

/** Rec. 601 luma. */
const LUMA = [0.299, 0.587, 0.114];

/**
 * contrast · (L + saturation · H) and a constant, three rows of four. L projects onto grey of the same luma; H rotates about the
 * grey axis (Rodrigues' formula) and subtracts the luma of the result, so hue and saturation preserve the luma.
 */
function colourMap(hue: number, saturation: number, contrast: number, constant: number): number[] {
  const { cos, sin } = portable.cosSin(hue); // hue in turns
  const [same, plus, minus] = [
    cos + (1 - cos) / 3,
    (1 - cos) / 3 + sin / Math.sqrt(3),
    (1 - cos) / 3 - sin / Math.sqrt(3),
  ];
  const rotation = [same, minus, plus, plus, same, minus, minus, plus, same];
  const out: number[] = [];
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      const lumaOfColumn = LUMA[0] * rotation[j] + LUMA[1] * rotation[3 + j] + LUMA[2] * rotation[6 + j];
      out.push(contrast * (LUMA[j] + saturation * (rotation[3 * i + j] - lumaOfColumn)));
    }
    out.push(constant);
  }
  return out;
}

/** Model input per byte that a colour is darker than white: model input is linear and 0 on white. */
const INK = toInput(0) / 255;

/**
 * Draws a view of one stored picture [stored, stored, 4] (premultiplied bytes) at `out[offset]`, [side, side, 3], as model
 * input on white.
 */
export function drawView(
  picture: Uint8Array,
  stored: number,
  view: View,
  side: number,
  out: Float32Array,
  offset: number,
): void {
  const size = side * side * 3;
  const [from, to] = [heap.allocate(picture.length), heap.allocate(4 * size)];
  heap.bytes.set(picture, from);
  const place = inStoredPixels(view.place, stored, side);
  kernelsFor("f32").drawView({ stored, picture: from, place, colour: view.colour, scale: INK, side, out: to });
  const pixels = heap.f32.subarray(to / 4, to / 4 + size);
  if (view.blur) blur(pixels, side);
  if (view.cutOut !== undefined) cutOut(pixels, side, view.cutOut);
  out.set(pixels, offset);
  heap.release(from, picture.length);
  heap.release(to, 4 * size);
}

/** `place` as a map from pixel indices of the view to those of the stored picture; pixel centres are at half-integers. */
function inStoredPixels([a, b, c, d, e, f]: View["place"], stored: number, side: number): View["place"] {
  const half = (0.5 - side / 2) / side;
  const ratio = stored / side;
  const centre = stored / 2 - 0.5;
  return [
    a * ratio, b * ratio, (a * half + b * half + c) * stored + centre,
    d * ratio, e * ratio, (d * half + e * half + f) * stored + centre,
  ]; // biome-ignore format: a line for u, a line for v
}

function cutOut(pixels: Float32Array, side: number, square: readonly [number, number, number]): void {
  const [left, top, part] = square.map((share) => Math.round(share * side));
  for (let y = top; y < top + part; y++) pixels.fill(toInput(1), (y * side + left) * 3, (y * side + left + part) * 3);
}

/** [1 2 1] / 4 along both axes, edges repeated. */
function blur(out: Float32Array, side: number): void {
  for (const [step, lane] of [
    [3, side * 3],
    [side * 3, 3],
  ]) {
    for (let i = 0; i < side; i++) {
      for (let c = 0; c < 3; c++) {
        const start = i * lane + c;
        let before = out[start];
        for (let j = 0; j < side; j++) {
          const at = start + j * step;
          const here = out[at];
          const after = j + 1 < side ? out[at + step] : here;
          out[at] = (before + 2 * here + after) / 4;
          before = here;
        }
      }
    }
  }
}
