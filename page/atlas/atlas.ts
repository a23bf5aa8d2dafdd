/** The pictures of the page: emoji in four styles, each premultiplied RGBA [24, 24, 4]. `build.ts` draws them. */

/** Side of a picture in pixels. */
export const CELL = 24;
/** Bytes of a picture. */
export const PICTURE_BYTES = CELL * CELL * 4;
/** Pictures in a row of the atlas. */
const COLUMNS = 64;

/** What the atlas shows. */
export interface Names {
  readonly styles: readonly string[];
  /** The English names of the emoji, in the order of the pictures of each style. */
  readonly names: readonly string[];
}

/** Pictures in memory. */
export interface Atlas extends Names {
  /** All pictures of the first style, then of the next. */
  readonly pictures: Uint8Array;
}

/** Size of the atlas in pixels: colours in the upper half, alpha in the lower half. */
export function sizeOf({ styles, names }: Names): { width: number; height: number } {
  return { width: COLUMNS * CELL, height: 2 * CELL * Math.ceil((styles.length * names.length) / COLUMNS) };
}

/** Where the picture of an emoji in a style begins. */
export function cellOf({ names }: Names, style: number, item: number): { left: number; top: number } {
  const cell = style * names.length + item;
  return { left: CELL * (cell % COLUMNS), top: CELL * Math.floor(cell / COLUMNS) };
}

/** Cuts the decoded atlas, RGB or RGBA with `channels` bytes a pixel, into pictures. */
export function cut(names: Names, pixels: Uint8Array | Uint8ClampedArray, channels: 3 | 4): Atlas {
  const { width, height } = sizeOf(names);
  const count = names.styles.length * names.names.length;
  const pictures = new Uint8Array(count * PICTURE_BYTES);
  for (let cell = 0; cell < count; cell++) {
    const { left, top } = cellOf(names, 0, cell);
    for (let y = 0; y < CELL; y++) {
      for (let x = 0; x < CELL; x++) {
        const colour = ((top + y) * width + left + x) * channels;
        const alpha = colour + (height / 2) * width * channels;
        const to = cell * PICTURE_BYTES + (y * CELL + x) * 4;
        for (let c = 0; c < 3; c++) pictures[to + c] = pixels[colour + c];
        pictures[to + 3] = pixels[alpha];
      }
    }
  }
  return { ...names, pictures };
}

/** A picture of an atlas. */
export function pictureOf({ pictures, names }: Atlas, style: number, item: number): Uint8Array {
  const at = (style * names.length + item) * PICTURE_BYTES;
  return pictures.subarray(at, at + PICTURE_BYTES);
}
