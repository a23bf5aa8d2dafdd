/**
 * The loops behind every operation: one small interface, two implementations (plain TypeScript, WebAssembly SIMD).
 *
 * A kernel sees addresses (bytes into the heap) and lengths (elements): no tensors, no shapes, no gradients, no
 * broadcasting. Everything is contiguous and row-major unless a stride is given. Outputs never overlap inputs, except
 * that element-wise kernels may write over an input that starts at the same address.
 *
 * "The same bits" means those of numbers. NaN stays NaN, but its sign and payload are the engine's choice, as WebAssembly
 * says, and change when an engine optimises a kernel while it runs.
 */

/** Address of a block's first number, in bytes. 0 means "none". */
export type Ptr = number;

export const UNARY = [
  "neg", "abs", "sign", "square", "sqrt", "reciprocal", "exp", "log", "tanh", "sigmoid", "logSigmoid", "softplus", "relu", "gelu",
] as const; // biome-ignore format: one list
export type UnaryOp = (typeof UNARY)[number];

/** Functions whose derivative is one loop: dx = g · f′(x). */
export const UNARY_GRAD = ["tanh", "sigmoid", "logSigmoid", "softplus", "gelu"] as const;
export type UnaryGradOp = (typeof UNARY_GRAD)[number];

export const BINARY = ["add", "sub", "mul", "div", "maximum", "minimum"] as const;
export type BinaryOp = (typeof BINARY)[number];

/** C = op(A)·op(B) [+ C] [+ bias], `batch` times. op(A) is [m, k], op(B) is [k, n], C is [m, n]. */
export interface GemmArgs {
  /** A is stored [k, m] instead of [m, k]. */
  readonly transA: boolean;
  /** B is stored [n, k] instead of [k, n]. */
  readonly transB: boolean;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Ptr;
  /** Elements from one stored row to the next. */
  readonly lda: number;
  readonly b: Ptr;
  readonly ldb: number;
  readonly c: Ptr;
  readonly ldc: number;
  /** Add to what C holds. */
  readonly accumulate?: boolean;
  /** A row [n] added to every row of the product. */
  readonly bias?: Ptr;
  readonly batch?: number;
  /** Elements from one matrix of the batch to the next; 0 repeats it. */
  readonly strideA?: number;
  readonly strideB?: number;
  readonly strideC?: number;
}

/**
 * Where one of q, k, v or out lies: the number (batch i, token j, head h, channel c) is at element
 * i·batch + j·row + h·headDim + c after `at`. So heads are read where a projection left them, without a copy.
 */
export interface HeadLayout {
  readonly at: Ptr;
  readonly batch: number;
  readonly row: number;
}

export interface AttentionArgs {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  readonly q: HeadLayout;
  readonly k: HeadLayout;
  readonly v: HeadLayout;
  readonly out: HeadLayout;
  /** softmax(q·kᵀ/√headDim), contiguous [batch, heads, queries, keys]; written forward, read backward. */
  readonly probs: Ptr;
}

export interface AttentionGradArgs extends AttentionArgs {
  /** Gradient of `out`, laid out like it. */
  readonly g: HeadLayout;
  readonly dq: HeadLayout;
  readonly dk: HeadLayout;
  readonly dv: HeadLayout;
}

export interface AdamWArgs {
  readonly lr: number;
  /** Subtracted fraction of the parameter itself: schedule · weight decay, independent of lr. */
  readonly decay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** 1 − β1^t and 1 − β2^t. */
  readonly correction1: number;
  readonly correction2: number;
  /** Factor on the gradient (clipping). */
  readonly gradScale: number;
}

export interface ViewArgs {
  /** Side of the picture, at least 2. */
  readonly stored: number;
  /** [stored, stored, 4], bytes: red, green, blue, each times alpha, and alpha. */
  readonly picture: Ptr;
  /** Pixel (x, y) of the view reads the picture at u = a·x + b·y + c, v = d·x + e·y + f, in pixels; whole numbers are centres. */
  readonly place: readonly [a: number, b: number, c: number, d: number, e: number, f: number];
  /** Three rows of four: what (red, green, blue, alpha) become. */
  readonly colour: readonly number[];
  /** What a byte of one is in `out`. */
  readonly scale: number;
  /** Side of the view. */
  readonly side: number;
  /** [side, side, 3] */
  readonly out: Ptr;
}

export interface Kernels {
  /** For people: "reference", "simd", "simd fma", ... */
  readonly name: string;

  fill(n: number, value: number, out: Ptr): void;
  copy(n: number, x: Ptr, out: Ptr): void;
  /** Row-major output of `shape`, read from x with the given strides (0 repeats). Transposes and broadcasts. */
  strided(shape: readonly number[], strides: readonly number[], x: Ptr, out: Ptr): void;

  readonly unary: { readonly [op in UnaryOp]: (n: number, x: Ptr, out: Ptr) => void };
  readonly unaryGrad: { readonly [op in UnaryGradOp]: (n: number, x: Ptr, g: Ptr, out: Ptr) => void };
  /** out = gelu(x) and derivative = gelu′(x), with the bits of `unary` and `unaryGrad`; the derivative may lie on x. */
  geluWithDerivative(n: number, x: Ptr, out: Ptr, derivative: Ptr): void;
  /** out[i, j] = a[i, j] ∘ b[j]; rows = 1 for two arrays of the same length. */
  readonly binary: { readonly [op in BinaryOp]: (rows: number, cols: number, a: Ptr, b: Ptr, out: Ptr) => void };
  readonly binaryScalar: { readonly [op in BinaryOp]: (n: number, a: Ptr, value: number, out: Ptr) => void };

  /** Sums are carried in f64. */
  sum(n: number, x: Ptr): number;
  sumSquares(n: number, x: Ptr): number;
  /** out[j] = Σ_i x[i, j]. */
  sumOverRows(rows: number, cols: number, x: Ptr, out: Ptr): void;
  /** out[i] = Σ_j x[i, j]. */
  sumAlongRows(rows: number, cols: number, x: Ptr, out: Ptr): void;
  maxAlongRows(rows: number, cols: number, x: Ptr, out: Ptr): void;

  softmax(rows: number, cols: number, x: Ptr, out: Ptr): void;
  /** dx = y ⊙ (g − ⟨g, y⟩). */
  softmaxGrad(rows: number, cols: number, y: Ptr, g: Ptr, dx: Ptr): void;
  logSumExp(rows: number, cols: number, x: Ptr, out: Ptr): void;

  /** y = (x − mean)·rstd·scale + bias; mean and rstd [rows] are written for the way back. */
  layerNorm(
    rows: number, cols: number, eps: number, x: Ptr, scale: Ptr, bias: Ptr, out: Ptr, mean: Ptr, rstd: Ptr,
  ): void; // biome-ignore format: a line
  /** dx [rows, cols] and, where not 0, dscale and dbias [cols] (overwritten). */
  layerNormGrad(
    rows: number, cols: number, x: Ptr, scale: Ptr, mean: Ptr, rstd: Ptr, g: Ptr, dx: Ptr, dscale: Ptr, dbias: Ptr,
  ): void; // biome-ignore format: a line
  /** y = x / (‖x‖ + eps) by row, norm [rows] written; a zero row gives zeros. The norm is taken without overflow. */
  l2Normalize(rows: number, cols: number, eps: number, x: Ptr, out: Ptr, norm: Ptr): void;
  /** dx = (g − ŷ⟨g, ŷ⟩·‖x‖/(‖x‖+eps)) / (‖x‖ + eps) with ŷ = x/‖x‖; a zero row gives zeros. */
  l2NormalizeGrad(rows: number, cols: number, eps: number, x: Ptr, norm: Ptr, g: Ptr, dx: Ptr): void;

  /**
   * One tile of the sigmoid loss, in place: s [rows, cols] holds ⟨xᵢ, yⱼ⟩ and is overwritten with G = σ(ℓ) − label, where
   * ℓ = t·s + b and the label is 1 at column `diagonal` + i of row i (which may lie outside) and 0 elsewhere.
   * `loss` is Σ −log σ(±ℓ), `sum` is Σ G; both are carried in f64.
   */
  sigmoidTile(
    rows: number, cols: number, s: Ptr, t: number, b: number, diagonal: number,
  ): { loss: number; sum: number }; // biome-ignore format: a line

  gemm(args: GemmArgs): void;
  attention(args: AttentionArgs): void;
  attentionGrad(args: AttentionGradArgs): void;

  /** out[i] = table[ids[i]], rows of `cols`. */
  gather(cols: number, table: Ptr, ids: Int32Array, out: Ptr): void;
  /** out[ids[i]] += x[i], in the order of i. */
  scatterAdd(cols: number, x: Ptr, ids: Int32Array, out: Ptr): void;

  /**
   * A picture as it darkens white paper: out = α − clamp(colour·(r, g, b, α), 0, α), 0 where nothing is drawn. Bilinear;
   * around the picture all is transparent.
   */
  drawView(args: ViewArgs): void;

  /** One AdamW step on p [n] with moments m, v. */
  adamW(n: number, p: Ptr, g: Ptr, m: Ptr, v: Ptr, args: AdamWArgs): void;
}
