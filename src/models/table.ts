/**
 * The table of a layout: for each of our parameters, its tensor there. One table serves reading and writing.
 *
 * Paths and names hold `*` in place of the number of a block.
 */
import { CHANNELS } from "../siglip/index.ts";
import type { Shape } from "../tensor/index.ts";
import type { Link } from "./link.ts";

/** The tensors of a parameter: several hold its columns side by side. */
export interface Place {
  readonly names: readonly string[];
  readonly order: Link["order"];
  /** The shape of each tensor, from that of the parameter's part [R, C]. */
  readonly shape?: (rows: number, columns: number) => Shape;
  /** For a tensor that holds other parameters too: where this one begins and what the tensor has, in units of this one's numbers. */
  readonly within?: { readonly begin: number; readonly of: number };
  /** Which of our rows stands at a place, by the side of a patch. */
  readonly rowAt?: (side: number) => Uint32Array;
}

/** Places by path of our parameter. */
export type Table = Readonly<Record<string, Place>>;

/** A tensor as it is here: embeddings, positions, scalars. */
export const asHere = (name: string, shape?: Place["shape"]): Place => ({
  names: [name],
  order: "rows",
  ...(shape && { shape }),
});

/** Scale and bias of a layer norm of PyTorch. */
export const torchNorm = (path: string, name: string): Table => ({
  [`${path}/scale`]: asHere(`${name}.weight`),
  [`${path}/bias`]: asHere(`${name}.bias`),
});

/** Kernel and bias of a linear layer of PyTorch, weight [outputs, inputs], or of several that are one layer here. */
export const torchLinear = (path: string, ...names: readonly string[]): Table => ({
  [`${path}/kernel`]: { names: names.map((name) => `${name}.weight`), order: "columns" },
  [`${path}/bias`]: { names: names.map((name) => `${name}.bias`), order: "rows" },
});

/** Kernel and bias of a layer that is a part of one linear layer of PyTorch with other parts above or below it. */
export const torchPart = (path: string, weight: string, bias: string, begin: number, of: number): Table => {
  const within = { begin, of };
  return {
    [`${path}/kernel`]: { names: [weight], order: "columns", within },
    [`${path}/bias`]: { names: [bias], order: "rows", within },
  };
};

/** Kernel and bias of a patch embedding of PyTorch: a convolution [width, 3, side, side]. */
export const torchConvolution = (path: string, name: string): Table => ({
  [`${path}/kernel`]: {
    names: [`${name}.weight`],
    order: "columns",
    shape: (rows, columns) => [columns, CHANNELS, Math.sqrt(rows / CHANNELS), Math.sqrt(rows / CHANNELS)],
    // Theirs: channel, row, column; ours: row, column, channel.
    rowAt: (side) => Uint32Array.from({ length: CHANNELS * side ** 2 }, (_, i) => (i % side ** 2) * CHANNELS + Math.floor(i / side ** 2)), // biome-ignore format: one line
  },
  [`${path}/bias`]: asHere(`${name}.bias`),
});

/** The links of parameters by the table; a parameter that has no place in the layout is returned in `without`. */
export function linksOf(
  table: Table,
  parameters: ReadonlyMap<string, Shape>,
): { readonly links: Link[]; readonly without: string[] } {
  const links: Link[] = [];
  const without: string[] = [];
  for (const [path, shape] of parameters) {
    const block = /\/blocks\/(\d+)\//.exec(path)?.[1] ?? "";
    const place = table[path.replace(/\/blocks\/\d+\//, "/blocks/*/")];
    if (place === undefined) without.push(path);
    else links.push(...linksOfOne(path, shape, place, block));
  }
  return { links, without };
}

function linksOfOne(path: string, shape: Shape, place: Place, block: string): Link[] {
  const width = shape.at(-1) ?? 1;
  const rows = shape.reduce((a, b) => a * b, 1) / width;
  const columns = width / place.names.length;
  const { begin, of } = place.within ?? { begin: 0, of: 1 };
  const bare = shape.length < 2 ? [columns * of] : place.order === "rows" ? [rows, columns] : [columns * of, rows];
  return place.names.map((name, part) => ({
    path,
    width,
    column: part * columns,
    columns,
    rows,
    name: name.replace("*", block),
    shape: place.shape?.(rows, columns) ?? bare,
    start: begin * rows * columns,
    order: place.order,
    ...(place.rowAt && { rowAt: place.rowAt(Math.sqrt(rows / CHANNELS)) }),
  }));
}
