/** Drawings of Iconify's sets (`icons.json` of a package), rendered to stored pictures: SVG → 96 × 96 → storedPicture.ts. */
import { loadSharp } from "./packages.ts";
import { STORED, storedPicture, wholeSquare } from "./storedPicture.ts";

/** Side at which a drawing is rendered, in pixels. */
const RENDERED = 96;
/** Drawings that are rendered at a time. */
const IN_FLIGHT = 16;
/** Units of a drawing whose set states no side; Iconify's default. */
const SIDE = 16;

/** A drawing: the inside of an SVG document. */
export interface Drawing {
  readonly body: string;
  readonly width?: number;
  readonly height?: number;
  readonly left?: number;
  readonly top?: number;
  /** The set has withdrawn it. */
  readonly hidden?: boolean;
}

/** The part of `icons.json` that is read. */
export interface IconSet {
  readonly width?: number;
  readonly height?: number;
  readonly icons: Readonly<Record<string, Drawing>>;
}

/** A drawing as an SVG document of 96 × 96; `style` gives rules of CSS for its longer side. */
export function svgOf(set: IconSet, icon: string, style: (side: number) => string = () => ""): string {
  const { body, width = set.width ?? SIDE, height = set.height ?? SIDE, left = 0, top = 0 } = set.icons[icon];
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${RENDERED}" height="${RENDERED}" viewBox="${left} ${top} ${width} ${height}">${style(Math.max(width, height))}${body}</svg>`;
}

/** Options of `renderDrawings`. */
export interface RenderDrawings {
  /** What needs the drawings and the packages that it needs, for the error if one is missing. */
  readonly what: string;
  readonly packages: readonly string[];
  /** Whether each drawing is cut to its content; true by default. */
  readonly trim?: boolean;
  /** Side of a stored picture. */
  readonly side?: number;
  /** Is called after each drawing. */
  readonly progress: () => void;
}

/**
 * Renders `count` documents, [count, side, side, 4], blank where there is none. Throws `MissingPackageError` without sharp.
 */
export async function renderDrawings(
  count: number,
  documentOf: (i: number) => string | undefined,
  { what, packages, trim = true, side = STORED, progress }: RenderDrawings,
): Promise<Uint8Array> {
  const sharp = await loadSharp(what, packages);
  const bytes = side * side * 4;
  const pictures = new Uint8Array(count * bytes);
  let next = 0;
  const work = async () => {
    while (next < count) {
      const i = next++;
      const svg = documentOf(i);
      if (svg !== undefined) {
        const { data, info } = await sharp(Buffer.from(svg)).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
        const { width, height } = info;
        const crop = trim ? undefined : wholeSquare(width, height);
        pictures.set(storedPicture(data, width, height, crop, side), i * bytes);
      }
      progress();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  return pictures;
}
