/**
 * Shapes: "a small red circle above a large blue square". Procedural, compositional and seeded; needs no files.
 *
 *   scene = (axis, first thing, second thing)   thing = size × colour × shape   2 · 96 · 96 = 18,432 scenes
 *
 * Axis 0 puts the first thing above the second, axis 1 to the left of it. "A above B" and "B below A" are one scene in two
 * wordings, so a scene is never its own negative in a batch. Position, size and shade vary from row to row.
 *
 * For each colour, one shape is held out of training (`isHeldOut`); the split "unseen" holds the scenes with at least one such
 * thing. Each colour and each shape occurs in training, so only the combination is new.
 */
import { heap, Rng } from "../tensor/index.ts";
import { encodeAll, type Tokenizer } from "../tokenizers/index.ts";
import {
  batchesPerEpoch,
  DataError,
  itemsOfStep,
  newBatch,
  type Pairs,
  type PictureSet,
  type RowShape,
  rowsOfStep,
  secondView,
  toBytes,
  toInput,
  type Views,
} from "./batches.ts";

/** Signed distance to the outline, in units of the thing's radius; negative inside. (x, y) with y downwards. */
type Outline = (x: number, y: number) => number;

const outlines: Readonly<Record<string, Outline>> = {
  circle: (x, y) => Math.sqrt(x * x + y * y) - 1,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) - 0.85,
  // Sides at 60°: half-planes with the normals (0, 1) and (±√3/2, −1/2).
  triangle: (x, y) => Math.max(y - 0.7, Math.abs(x) * 0.866 - y / 2 - 0.55),
  diamond: (x, y) => 0.884 * Math.abs(x) + 0.566 * Math.abs(y) - 0.6,
  cross: (x, y) => {
    const [a, b] = [Math.abs(x), Math.abs(y)];
    return Math.min(Math.max(a - 0.32, b - 1), Math.max(b - 0.32, a - 1));
  },
  ring: (x, y) => Math.abs(Math.sqrt(x * x + y * y) - 0.75) - 0.25,
};

/** Names of the shapes. */
export const SHAPES: readonly string[] = Object.keys(outlines);
/** Red, green, blue in 0..1; so far apart that the shade of a row cannot turn one into another. */
const COLOURS: Readonly<Record<string, readonly [number, number, number]>> = {
  red: [0.86, 0.12, 0.12],
  orange: [0.98, 0.55, 0.05],
  yellow: [0.95, 0.85, 0.1],
  green: [0.13, 0.6, 0.2],
  blue: [0.12, 0.3, 0.85],
  purple: [0.5, 0.15, 0.65],
  pink: [1, 0.55, 0.75],
  black: [0.08, 0.08, 0.08],
};
const COLOUR_NAMES = Object.keys(COLOURS);
const SIZES = ["small", "large"];
const THINGS = SIZES.length * COLOUR_NAMES.length * SHAPES.length;

/** A scene: the first thing is above the second, or left of it. */
export interface Scene {
  readonly relation: "above" | "left of";
  readonly first: Thing;
  readonly second: Thing;
}
/** One object of a scene. */
export interface Thing {
  readonly size: string;
  readonly colour: string;
  readonly shape: string;
}

/** Name of a split. */
export type ShapesSplit = "train" | "unseen";

/** Whether this combination of colour and shape is held out of training: one shape for each colour. */
export const isHeldOut = (thing: Thing): boolean =>
  COLOUR_NAMES.indexOf(thing.colour) % SHAPES.length === SHAPES.indexOf(thing.shape);

const thingOf = (id: number): Thing => ({
  shape: SHAPES[id % SHAPES.length],
  colour: COLOUR_NAMES[Math.floor(id / SHAPES.length) % COLOUR_NAMES.length],
  size: SIZES[Math.floor(id / (SHAPES.length * COLOUR_NAMES.length))],
});

/** The scene of an id in 0..18,431. */
export function sceneOf(id: number): Scene {
  const first = thingOf(Math.floor(id / THINGS) % THINGS);
  return { relation: id < THINGS * THINGS ? "above" : "left of", first, second: thingOf(id % THINGS) };
}

/** Ids of the scenes of a split, ascending. */
export function scenesOf(split: ShapesSplit): Uint32Array {
  const ids: number[] = [];
  for (let id = 0; id < 2 * THINGS * THINGS; id++) {
    const { first, second } = sceneOf(id);
    if ((isHeldOut(first) || isHeldOut(second)) === (split === "unseen")) ids.push(id);
  }
  return Uint32Array.from(ids);
}

const INVERSE = { above: "below", "left of": "right of" } as const;
const phrase = ({ size, colour, shape }: Thing): string => `a ${size} ${colour} ${shape}`;

/** The caption of a scene; `inverse` names the second thing first. */
export const captionOf = ({ relation, first, second }: Scene, inverse = false): string =>
  inverse
    ? `${phrase(second)} ${INVERSE[relation]} ${phrase(first)}`
    : `${phrase(first)} ${relation} ${phrase(second)}`;

/** Draws a scene as model input at `out[offset]`, [side, side, 3]. Everything is in units of the side. */
export function drawScene(scene: Scene, rng: Rng, side: number, out: Float32Array, offset: number): void {
  heap.onWork?.();
  out.fill(0, offset, offset + side * side * 3); // white
  const across = scene.relation === "above" ? 1 : 0;
  [scene.first, scene.second].forEach((thing, which) => {
    const radius = thing.size === "large" ? rng.between(0.19, 0.22) : rng.between(0.1, 0.12);
    // The two things stay in separate halves, so the relation always holds.
    const along = (which === 0 ? 0.25 : 0.75) + rng.between(-1, 1) * (0.24 - radius);
    const beside = 0.5 + rng.between(-1, 1) * Math.min(0.12, 0.48 - radius);
    const shade = rng.between(0.9, 1.05);
    const ink = COLOURS[thing.colour].map((channel) => toInput(Math.min(1, channel * shade)));
    const [x0, y0] = across === 1 ? [beside, along] : [along, beside];
    drawThing(outlines[thing.shape], x0 * side, y0 * side, radius * side, ink, side, out, offset);
  });
}

function drawThing(
  outline: Outline,
  x0: number,
  y0: number,
  radius: number,
  ink: readonly number[],
  side: number,
  out: Float32Array,
  offset: number,
): void {
  const reach = radius + 1;
  const first = (centre: number) => Math.max(0, Math.floor(centre - reach));
  const last = (centre: number) => Math.min(side - 1, Math.ceil(centre + reach));
  for (let y = first(y0); y <= last(y0); y++) {
    for (let x = first(x0); x <= last(x0); x++) {
      const distance = outline((x + 0.5 - x0) / radius, (y + 0.5 - y0) / radius) * radius;
      const cover = Math.min(1, Math.max(0, 0.5 - distance)); // share of the pixel inside, for an edge one pixel wide
      if (cover === 0) continue;
      const at = offset + (y * side + x) * 3;
      for (let c = 0; c < 3; c++) out[at + c] += (ink[c] - out[at + c]) * cover;
    }
  }
}

/** Options of `shapes`. */
export interface ShapesOptions {
  readonly tokenizer: Tokenizer;
  /** Tokens of a text. The longest caption has 53 bytes and 10 words. */
  readonly length: number;
  readonly side?: number;
  readonly split?: ShapesSplit;
  /** Drawings of each scene in a batch; 1 by default. */
  readonly views?: Views;
}

/** Batches of scenes; each row draws one of the two wordings at random. */
export function shapes({ tokenizer, length, side = 32, split = "train", views = 1 }: ShapesOptions): Pairs {
  const scenes = scenesOf(split);
  const row: RowShape = { imageShape: [side, side, 3], views, length };
  const each = side * side * 3;
  const itemsOf = itemsOfStep(scenes.length);
  return {
    size: scenes.length,
    ...row,
    batchesPerEpoch: (batch) => batchesPerEpoch(scenes.length, batch),
    batch(seed, step, batch, into = newBatch(batch, row), first = 0) {
      const rngOf = rowsOfStep(seed, step);
      const texts: string[] = [];
      const places = itemsOf(seed, step, batch).subarray(first, first + into.items.length);
      places.forEach((place, i) => {
        const id = scenes[place];
        into.items[i] = id;
        const rng = rngOf(first + i);
        const scene = sceneOf(id);
        texts.push(captionOf(scene, rng.uniform() < 0.5));
        drawScene(scene, rng, side, into.images, i * views * each);
        if (views === 2) drawScene(scene, secondView(rng), side, into.images, (i * views + 1) * each);
      });
      into.tokens.set(encodeAll(tokenizer, texts, length));
      return into;
    },
  };
}

/** Pictures of scenes with their captions. */
export interface ScenePictures extends PictureSet {
  /** The scene of each picture. */
  readonly scenes: readonly Scene[];
}

/** `count` distinct scenes of a split for evaluation, one picture and one text each. Throws `DataError`. */
export function shapePictures(split: ShapesSplit, count: number, seed: number, side = 32): ScenePictures {
  const ids = scenesOf(split);
  if (!Number.isInteger(count) || count < 1 || count > ids.length) {
    throw new DataError(`shapePictures: count ${count} must be in 1..${ids.length}, the scenes of "${split}"`);
  }
  const root = new Rng(seed).split("pictures");
  const scenes = Array.from(root.permutation(ids.length).subarray(0, count), (at) => sceneOf(ids[at]));
  const stride = side * side * 3;
  const pixels = (from = 0, end = count): Float32Array => {
    const out = new Float32Array((end - from) * stride);
    for (let i = from; i < end; i++) drawScene(scenes[i], root.split(i), side, out, (i - from) * stride);
    return out;
  };
  const texts = scenes.map((scene) => captionOf(scene));
  return {
    count,
    side,
    pixels,
    texts,
    owner: Int32Array.from({ length: count }, (_, i) => i),
    names: texts,
    scenes,
    rgb: (i) => toBytes(pixels(i, i + 1)),
  };
}
