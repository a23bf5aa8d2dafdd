/**
 * The kernels as plain loops: the oracle for every faster one, and the only ones for f64.
 *
 * Each loop is the formula written out. Sums are carried in f64 and rounded when they are stored.
 */
import type { DType, Heap } from "../heap.ts";
import type { AttentionArgs, AttentionGradArgs, GemmArgs, HeadLayout, Kernels } from "./kernels.ts";
import { referenceView } from "./view/plain.ts";

const GELU_A = Math.sqrt(2 / Math.PI);
const GELU_B = 0.044715; // Hendrycks & Gimpel 2016, arXiv:1606.08415, tanh form

export const sigmoid = (x: number): number => {
  const e = Math.exp(-Math.abs(x)); // never overflows
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
};
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
export const logSigmoid = (x: number): number => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));
/** ½·x·(1 + tanh(u/2)) = x·σ(u): the second form keeps the digits of the tail, where 1 + tanh would be 0. */
const geluArgument = (x: number): number => 2 * GELU_A * (x + GELU_B * x * x * x);
export const gelu = (x: number): number => x * sigmoid(geluArgument(x));
export const geluDerivative = (x: number): number => {
  const u = geluArgument(x);
  // σ′(u) is 0 long before x² could overflow to ∞·0.
  const slope = sigmoid(u) * sigmoid(-u);
  return sigmoid(u) + (slope === 0 ? 0 : x * slope * 2 * GELU_A * (1 + 3 * GELU_B * x * x));
};

export function referenceKernels(heap: Heap, dtype: DType): Kernels {
  const bytes = dtype === "f32" ? 4 : 8;

  const unary = (f: (x: number) => number) => (n: number, x: number, out: number) => {
    const H = heap[dtype];
    const X = x / bytes;
    const O = out / bytes;
    for (let i = 0; i < n; i++) H[O + i] = f(H[X + i]);
  };
  const unaryGrad = (derivative: (x: number) => number) => (n: number, x: number, g: number, out: number) => {
    const H = heap[dtype];
    const X = x / bytes;
    const G = g / bytes;
    const O = out / bytes;
    for (let i = 0; i < n; i++) H[O + i] = H[G + i] * derivative(H[X + i]);
  };
  const binary =
    (f: (a: number, b: number) => number) => (rows: number, cols: number, a: number, b: number, out: number) => {
      const H = heap[dtype];
      const B = b / bytes;
      for (let i = 0; i < rows; i++) {
        const A = a / bytes + i * cols;
        const O = out / bytes + i * cols;
        for (let j = 0; j < cols; j++) H[O + j] = f(H[A + j], H[B + j]);
      }
    };
  const round = dtype === "f32" ? Math.fround : (x: number) => x;
  const binaryScalar = (f: (a: number, b: number) => number) => (n: number, a: number, value: number, out: number) => {
    const H = heap[dtype];
    const A = a / bytes;
    const O = out / bytes;
    const b = round(value);
    for (let i = 0; i < n; i++) H[O + i] = f(H[A + i], b);
  };
  const both = <T>(make: (f: (a: number, b: number) => number) => T) => ({
    add: make((a, b) => a + b),
    sub: make((a, b) => a - b),
    mul: make((a, b) => a * b),
    div: make((a, b) => a / b),
    maximum: make((a, b) => Math.max(a, b)),
    minimum: make((a, b) => Math.min(a, b)),
  });

  function gemm(args: GemmArgs): void {
    const { transA, transB, m, n, k, lda, ldb, ldc, accumulate = false, bias = 0 } = args;
    const { batch = 1, strideA = 0, strideB = 0, strideC = 0 } = args;
    const H = heap[dtype];
    const [aRow, aCol] = transA ? [1, lda] : [lda, 1];
    const [bRow, bCol] = transB ? [1, ldb] : [ldb, 1];
    const line = new Float64Array(n);
    for (let s = 0; s < batch; s++) {
      const A = args.a / bytes + s * strideA;
      const B = args.b / bytes + s * strideB;
      const C = args.c / bytes + s * strideC;
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          line[j] = (accumulate ? H[C + i * ldc + j] : 0) + (bias ? H[bias / bytes + j] : 0);
        }
        for (let p = 0; p < k; p++) {
          const x = H[A + i * aRow + p * aCol];
          const row = B + p * bRow;
          for (let j = 0; j < n; j++) line[j] += x * H[row + j * bCol];
        }
        for (let j = 0; j < n; j++) H[C + i * ldc + j] = line[j];
      }
    }
  }

  /** A view of one head: element (token, channel) is at `at + token·row + channel`. */
  const head = (layout: HeadLayout, i: number, h: number, headDim: number): number =>
    layout.at + (i * layout.batch + h * headDim) * bytes;

  function attention(args: AttentionArgs): void {
    const { batch, heads, queries, keys, headDim, q, k, v, out, probs } = args;
    for (let i = 0; i < batch; i++) {
      for (let h = 0; h < heads; h++) {
        const p = probs + (i * heads + h) * queries * keys * bytes;
        // scores = q·kᵀ / √headDim
        gemm({
          transA: false, transB: true, m: queries, n: keys, k: headDim,
          a: head(q, i, h, headDim), lda: q.row, b: head(k, i, h, headDim), ldb: k.row, c: p, ldc: keys,
        }); // biome-ignore format: the product in two lines
        kernels.binaryScalar.mul(queries * keys, p, 1 / Math.sqrt(headDim), p);
        kernels.softmax(queries, keys, p, p);
        gemm({
          transA: false, transB: false, m: queries, n: headDim, k: keys,
          a: p, lda: keys, b: head(v, i, h, headDim), ldb: v.row, c: head(out, i, h, headDim), ldc: out.row,
        }); // biome-ignore format: the product in two lines
      }
    }
  }

  function attentionGrad(args: AttentionGradArgs): void {
    const { batch, heads, queries, keys, headDim, q, k, v, g, dq, dk, dv, probs } = args;
    const scratch = heap.allocate(queries * keys * bytes);
    for (let i = 0; i < batch; i++) {
      for (let h = 0; h < heads; h++) {
        const p = probs + (i * heads + h) * queries * keys * bytes;
        const at = (layout: HeadLayout) => head(layout, i, h, headDim);
        // dv = pᵀ·g
        gemm({
          transA: true, transB: false, m: keys, n: headDim, k: queries,
          a: p, lda: keys, b: at(g), ldb: g.row, c: at(dv), ldc: dv.row,
        }); // biome-ignore format: the product in two lines
        // ds = softmax′(p)·(g·vᵀ) / √headDim
        gemm({
          transA: false, transB: true, m: queries, n: keys, k: headDim,
          a: at(g), lda: g.row, b: at(v), ldb: v.row, c: scratch, ldc: keys,
        }); // biome-ignore format: the product in two lines
        kernels.softmaxGrad(queries, keys, p, scratch, scratch);
        kernels.binaryScalar.mul(queries * keys, scratch, 1 / Math.sqrt(headDim), scratch);
        // dq = ds·k, dk = dsᵀ·q
        gemm({
          transA: false, transB: false, m: queries, n: headDim, k: keys,
          a: scratch, lda: keys, b: at(k), ldb: k.row, c: at(dq), ldc: dq.row,
        }); // biome-ignore format: the product in two lines
        gemm({
          transA: true, transB: false, m: keys, n: headDim, k: queries,
          a: scratch, lda: keys, b: at(q), ldb: q.row, c: at(dk), ldc: dk.row,
        }); // biome-ignore format: the product in two lines
      }
    }
    heap.release(scratch, queries * keys * bytes);
  }

  const kernels: Kernels = {
    name: "reference",
    fill(n, value, out) {
      heap[dtype].fill(value, out / bytes, out / bytes + n);
    },
    copy(n, x, out) {
      heap[dtype].copyWithin(out / bytes, x / bytes, x / bytes + n);
    },
    strided(shape, strides, x, out) {
      const H = heap[dtype];
      let O = out / bytes;
      const last = shape.length - 1;
      const walk = (axis: number, X: number): void => {
        if (axis > last) {
          H[O++] = H[X];
        } else if (axis === last && strides[axis] === 1) {
          H.copyWithin(O, X, X + shape[axis]);
          O += shape[axis];
        } else {
          for (let i = 0; i < shape[axis]; i++) walk(axis + 1, X + i * strides[axis]);
        }
      };
      walk(0, x / bytes);
    },

    unary: {
      neg: unary((x) => -x),
      abs: unary(Math.abs),
      sign: unary(Math.sign),
      square: unary((x) => x * x),
      sqrt: unary(Math.sqrt),
      reciprocal: unary((x) => 1 / x),
      exp: unary(Math.exp),
      log: unary(Math.log),
      tanh: unary(Math.tanh),
      sigmoid: unary(sigmoid),
      logSigmoid: unary(logSigmoid),
      softplus: unary(softplus),
      relu: unary((x) => Math.max(x, 0)),
      gelu: unary(gelu),
    },
    unaryGrad: {
      tanh: unaryGrad((x) => {
        const e = Math.exp(-2 * Math.abs(x)); // sech², with its tail: 1 − tanh² would cancel
        return (4 * e) / ((1 + e) * (1 + e));
      }),
      sigmoid: unaryGrad((x) => sigmoid(x) * sigmoid(-x)),
      logSigmoid: unaryGrad((x) => sigmoid(-x)),
      softplus: unaryGrad(sigmoid),
      gelu: unaryGrad(geluDerivative),
    },
    geluWithDerivative(n, x, out, derivative) {
      const H = heap[dtype];
      for (let i = 0; i < n; i++) {
        const z = H[x / bytes + i];
        H[out / bytes + i] = gelu(z);
        H[derivative / bytes + i] = geluDerivative(z);
      }
    },
    binary: both(binary),
    binaryScalar: both(binaryScalar),

    sum(n, x) {
      const H = heap[dtype];
      const X = x / bytes;
      let total = 0;
      for (let i = 0; i < n; i++) total += H[X + i];
      return total;
    },
    sumSquares(n, x) {
      const H = heap[dtype];
      const X = x / bytes;
      let total = 0;
      for (let i = 0; i < n; i++) total += H[X + i] * H[X + i];
      return total;
    },
    sumOverRows(rows, cols, x, out) {
      const H = heap[dtype];
      const X = x / bytes;
      const totals = new Float64Array(cols);
      for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) totals[j] += H[X + i * cols + j];
      H.set(totals, out / bytes);
    },
    sumAlongRows(rows, cols, x, out) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) H[out / bytes + i] = kernels.sum(cols, x + i * cols * bytes);
    },
    maxAlongRows(rows, cols, x, out) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        let top = Number.NEGATIVE_INFINITY;
        for (let j = 0; j < cols; j++) top = Math.max(top, H[x / bytes + i * cols + j]);
        H[out / bytes + i] = top;
      }
    },

    softmax(rows, cols, x, out) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        const O = out / bytes + i * cols;
        let top = Number.NEGATIVE_INFINITY;
        for (let j = 0; j < cols; j++) top = Math.max(top, H[X + j]);
        let total = 0;
        for (let j = 0; j < cols; j++) {
          const e = Math.exp(H[X + j] - top);
          H[O + j] = e;
          total += e;
        }
        for (let j = 0; j < cols; j++) H[O + j] /= total;
      }
    },
    softmaxGrad(rows, cols, y, g, dx) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const Y = y / bytes + i * cols;
        const G = g / bytes + i * cols;
        const D = dx / bytes + i * cols;
        let inner = 0;
        for (let j = 0; j < cols; j++) inner += H[G + j] * H[Y + j];
        for (let j = 0; j < cols; j++) H[D + j] = H[Y + j] * (H[G + j] - inner);
      }
    },
    logSumExp(rows, cols, x, out) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        let top = Number.NEGATIVE_INFINITY;
        for (let j = 0; j < cols; j++) top = Math.max(top, H[X + j]);
        let total = 0;
        // A row of −∞ (or with +∞) is its own largest entry: ∞ − ∞ must not make it NaN.
        if (Number.isFinite(top)) for (let j = 0; j < cols; j++) total += Math.exp(H[X + j] - top);
        H[out / bytes + i] = Number.isFinite(top) ? top + Math.log(total) : top;
      }
    },

    layerNorm(rows, cols, eps, x, scale, bias, out, mean, rstd) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        const O = out / bytes + i * cols;
        let total = 0;
        for (let j = 0; j < cols; j++) total += H[X + j];
        const mu = total / cols;
        let squares = 0;
        for (let j = 0; j < cols; j++) squares += (H[X + j] - mu) ** 2;
        const r = 1 / Math.sqrt(squares / cols + eps);
        for (let j = 0; j < cols; j++) H[O + j] = (H[X + j] - mu) * r * H[scale / bytes + j] + H[bias / bytes + j];
        H[mean / bytes + i] = mu;
        H[rstd / bytes + i] = r;
      }
    },
    layerNormGrad(rows, cols, x, scale, mean, rstd, g, dx, dscale, dbias) {
      const H = heap[dtype];
      const S = scale / bytes;
      const scaleSums = new Float64Array(cols);
      const biasSums = new Float64Array(cols);
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        const G = g / bytes + i * cols;
        const D = dx / bytes + i * cols;
        const mu = H[mean / bytes + i];
        const r = H[rstd / bytes + i];
        let sumG = 0; // Σ gs, with gs = g·scale
        let sumGX = 0; // Σ gs·x̂
        for (let j = 0; j < cols; j++) {
          const hat = (H[X + j] - mu) * r;
          const gs = H[G + j] * H[S + j];
          sumG += gs;
          sumGX += gs * hat;
          scaleSums[j] += H[G + j] * hat;
          biasSums[j] += H[G + j];
        }
        for (let j = 0; j < cols; j++) {
          const hat = (H[X + j] - mu) * r;
          H[D + j] = r * (H[G + j] * H[S + j] - sumG / cols - (hat * sumGX) / cols);
        }
      }
      if (dscale) H.set(scaleSums, dscale / bytes);
      if (dbias) H.set(biasSums, dbias / bytes);
    },
    l2Normalize(rows, cols, eps, x, out, norm) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        const O = out / bytes + i * cols;
        const size = Math.hypot(...H.subarray(X, X + cols)); // scaled: neither over- nor underflows
        H[norm / bytes + i] = size;
        for (let j = 0; j < cols; j++) H[O + j] = size === 0 ? 0 : H[X + j] / (size + eps);
      }
    },
    l2NormalizeGrad(rows, cols, eps, x, norm, g, dx) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        const G = g / bytes + i * cols;
        const D = dx / bytes + i * cols;
        const size = H[norm / bytes + i];
        let inner = 0; // ⟨g, x/‖x‖⟩
        for (let j = 0; j < cols; j++) inner += H[G + j] * (H[X + j] / size);
        for (let j = 0; j < cols; j++) {
          const hat = H[X + j] / size;
          H[D + j] = size === 0 ? 0 : (H[G + j] - (hat * inner * size) / (size + eps)) / (size + eps);
        }
      }
    },

    sigmoidTile(rows, cols, s, t, b, diagonal) {
      const H = heap[dtype];
      let loss = 0;
      let sum = 0;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < cols; j++) {
          const at = s / bytes + i * cols + j;
          const l = t * H[at] + b;
          const positive = j === diagonal + i;
          const g = positive ? -sigmoid(-l) : sigmoid(l); // σ(ℓ) − 1 = −σ(−ℓ), without cancellation
          loss += softplus(positive ? -l : l);
          sum += g;
          H[at] = g;
        }
      }
      return { loss, sum };
    },

    gemm,
    attention,
    attentionGrad,

    gather(cols, table, ids, out) {
      const H = heap[dtype];
      for (let i = 0; i < ids.length; i++) {
        const from = table / bytes + ids[i] * cols;
        H.copyWithin(out / bytes + i * cols, from, from + cols);
      }
    },
    scatterAdd(cols, x, ids, out) {
      const H = heap[dtype];
      for (let i = 0; i < ids.length; i++) {
        const X = x / bytes + i * cols;
        const O = out / bytes + ids[i] * cols;
        for (let j = 0; j < cols; j++) H[O + j] += H[X + j];
      }
    },

    drawView: referenceView(heap, dtype),

    adamW(n, p, g, m, v, { lr, decay, beta1, beta2, eps, correction1, correction2, gradScale }) {
      const H = heap[dtype];
      const [P, G, M, V] = [p / bytes, g / bytes, m / bytes, v / bytes];
      for (let i = 0; i < n; i++) {
        const grad = H[G + i] * gradScale;
        H[M + i] = beta1 * H[M + i] + (1 - beta1) * grad;
        H[V + i] = beta2 * H[V + i] + (1 - beta2) * grad * grad;
        const direction = H[M + i] / correction1 / (Math.sqrt(H[V + i] / correction2) + eps);
        H[P + i] -= lr * direction + decay * H[P + i];
      }
    },
  };
  return kernels;
}
