/**
 * The matrix products that are timed, and their bars.
 *
 *     all                                              0.8 of the rate of the register tile alone, cubes of 512 and more 0.88
 *     cubes of 256 and more, a ViT of width 192        0.95 of the rate of OpenBLAS
 *     odd sides (a ViT has 197 or 257 tokens)          0.8 of our own rate at the even side below
 *     64×64×64 of attention, widths 64..256            0.6 of our own rate at 512³
 */

export interface Product {
  readonly form: "NN" | "NT" | "TN";
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch: number;
}

export interface GemmCase {
  readonly product: Product;
  /** Another product of ours to compare with, and its name. */
  readonly beside?: { readonly anchor: string; readonly product: Product };
  readonly bar: Readonly<Record<string, number>>;
}

const FORMS = ["NN", "NT", "TN"] as const;
type Form = (typeof FORMS)[number];

export const product = (form: Form, m: number, n: number, k: number, batch = 1): Product => ({ form, m, n, k, batch });
const cube = (form: Form, side: number): Product => product(form, side, side, side);

export const nameOf = ({ form, m, n, k, batch }: Product): string =>
  `${form} ${batch > 1 ? `${batch}×` : ""}${m}x${n}x${k}`;

/** A linear layer on `tokens` rows: forward, the gradient of its input, the gradient of its kernel. */
const layer = (tokens: number, inputs: number, outputs: number): Product[] => [
  product("NN", tokens, outputs, inputs),
  product("NT", tokens, inputs, outputs),
  product("TN", inputs, outputs, tokens),
];

const TILE = 0.8;

const ofTile = (each: Product): GemmCase => ({ product: each, bar: { tile: TILE } });
const ofOpenblas = (each: Product): GemmCase => ({
  product: each,
  bar: { tile: Math.min(each.m, each.n, each.k) >= 512 ? 0.88 : TILE, openblas: 0.95 },
});
const ofLarge = (each: Product): GemmCase => ({
  product: each,
  beside: { anchor: "512³", product: cube("NN", 512) },
  bar: { tile: TILE, "512³": 0.6 },
});
const odd = (side: number, even: number): GemmCase[] =>
  FORMS.map((form) => ({
    product: cube(form, side),
    beside: { anchor: `${even}³`, product: cube(form, even) },
    bar: { tile: TILE, [`${even}³`]: 0.8 },
  }));

export const GEMM_CASES: readonly GemmCase[] = [
  ...[64, 128].flatMap((side) => FORMS.map((form) => ofTile(cube(form, side)))),
  ...[256, 512, 1024].flatMap((side) => FORMS.map((form) => ofOpenblas(cube(form, side)))),
  ...[[48, 192], [192, 576], [192, 192], [192, 768], [768, 192]].flatMap(([inputs, outputs]) =>
    layer(4096, inputs, outputs).map(ofOpenblas),
  ),
  ...odd(197, 192),
  ...odd(257, 256),
  ...odd(509, 512),
  // scores, output and gradients of attention, as contiguous matrices; attention.ts times them in place
  ...(["NT", "NN", "TN"] as const).map((form) => ofLarge(product(form, 64, 64, 64, 64))),
  // the emoji recipe: projections and MLP of width 64
  ...[[64, 64], [64, 192], [64, 256], [256, 64]].flatMap(([inputs, outputs]) =>
    layer(2048, inputs, outputs).map(ofLarge),
  ),
]; // biome-ignore format: a case a line
