/** A square of cells with texts as rows and pictures as columns; cells can be chosen by pointer and by arrow keys. */
import { type Atlas, CELL, pictureOf } from "./atlas/atlas.ts";
import { loadAtlas } from "./atlas/load.ts";
import { html, set, svg } from "./dom.ts";

/** A cell to draw: its strength in −1..1, and marks. */
export interface Cell {
  readonly strength: number;
  /** A pair that is said to match has a frame. */
  readonly matches: boolean;
  /** A cell that has changed has a dot. */
  readonly changed?: boolean;
}

export interface HeatOptions {
  /** What the square shows, for screen readers. */
  readonly label: string;
  readonly test: string;
  /** Of the pictures and texts, as numbers in the atlas. */
  readonly items: readonly number[];
  readonly names: readonly string[];
  /** The style of the pictures in the atlas. */
  readonly style: number;
}

const SIDE = 26;
const NAME = 118; // pixels for the names

/** Rows and columns that an arrow key moves by. */
const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** The shapes of a cell. */
function cellAt(row: number, column: number) {
  const [x, y] = [NAME + column * SIDE, (row + 1) * SIDE];
  return {
    area: svg("rect", { x, y, width: SIDE - 2, height: SIDE - 2, rx: 3 }),
    frame: svg("rect", { x: x + 1, y: y + 1, width: SIDE - 4, height: SIDE - 4, rx: 2, class: "frame" }),
    dot: svg("circle", { cx: x + SIDE / 2 - 1, cy: y + SIDE / 2 - 1, r: 3, class: "change" }),
  };
}

/** The drawing of a square: pictures above, names beside, and the shapes of its cells. */
function drawingOf({ label, items, names }: HeatOptions) {
  const n = items.length;
  const size = { width: NAME + n * SIDE + 2, height: (n + 1) * SIDE + 2 };
  const pictures = items.map((_, j) =>
    svg("image", { x: NAME + j * SIDE + 1, y: 0, width: CELL, height: CELL, class: "pixels" }),
  );
  const rows = names.map((name, i) =>
    svg("text", { x: NAME - 8, y: (i + 1) * SIDE + SIDE / 2 + 4, "text-anchor": "end" }, name),
  );
  const cells = Array.from({ length: n * n }, (_, k) => cellAt(Math.floor(k / n), k % n));
  const cursor = svg("rect", { width: SIDE + 2, height: SIDE + 2, rx: 4, class: "cursor" });
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${size.width} ${size.height}`, "aria-hidden": "true", class: "heat" },
    svg("title", {}, label),
    ...pictures,
    ...rows,
    ...cells.flatMap(({ area, frame, dot }) => [area, frame, dot]),
    cursor,
  );
  drawing.style.minWidth = `${0.75 * size.width}px`; // narrower places scroll: names stay legible
  return { drawing, pictures, cells, cursor };
}

/** Makes a square that `draw` fills. */
export function heatMap(options: HeatOptions) {
  const { label, test, items, style } = options;
  const n = items.length;
  const { drawing, pictures, cells, cursor } = drawingOf(options);
  const element = html("div", { class: "heat-map", role: "application", tabindex: 0, "aria-label": `${label}; arrow keys move from cell to cell`, "data-test": test }); // biome-ignore format: a line
  element.append(drawing);
  let [row, column] = [0, 0];
  const choose = (i: number, j: number): void => {
    row = Math.min(n - 1, Math.max(0, i));
    column = Math.min(n - 1, Math.max(0, j));
    map.onChoose(row, column);
  };
  cells.forEach(({ area }, k) => {
    area.addEventListener("pointerdown", () => choose(Math.floor(k / n), k % n));
  });
  element.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    choose(row + move[0], column + move[1]);
    cells[row * n + column].area.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  void loadAtlas().then((atlas) => {
    pictures.forEach((picture, j) => {
      set(picture, { href: pictureUrl(atlas, style, items[j]) });
    });
  });
  const map = {
    element,
    /** Is called when a cell is chosen. */
    onChoose: (_row: number, _column: number): void => {},
    draw(values: readonly Cell[], at: { readonly row: number; readonly column: number }): void {
      ({ row, column } = at);
      values.forEach(({ strength, matches, changed = false }, k) => {
        const { area, frame, dot } = cells[k];
        set(area, { class: strength < 0 ? "cell cold" : "cell warm", "fill-opacity": Math.min(1, Math.abs(strength)) });
        frame.style.display = matches ? "" : "none";
        dot.style.display = changed ? "" : "none";
      });
      set(cursor, { x: NAME + column * SIDE - 2, y: (row + 1) * SIDE - 2 });
    },
  };
  return map;
}

/** A picture of the atlas as an address. */
export function pictureUrl(atlas: Atlas, style: number, item: number): string {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = CELL;
  drawPicture(canvas.getContext("2d") as CanvasRenderingContext2D, atlas, style, item);
  return canvas.toDataURL();
}

/** Draws a picture of the atlas, which is premultiplied, on a canvas. */
export function drawPicture(context: CanvasRenderingContext2D, atlas: Atlas, style: number, item: number): void {
  const picture = pictureOf(atlas, style, item);
  const straight = Uint8ClampedArray.from(picture, (byte, i) => {
    const alpha = picture[i | 3];
    return i % 4 === 3 || alpha === 0 ? byte : (255 * byte) / alpha;
  });
  context.putImageData(new ImageData(straight, CELL, CELL), 0, 0);
}
