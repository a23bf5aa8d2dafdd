/**
 * The sigmoid and the softmax loss with their closed-form gradients, as plain f64 loops that share no code with src/.
 *
 *     ℓᵢⱼ = a·⟨xᵢ, yⱼ⟩ + b, a = exp t′        L = (1/n) Σᵢⱼ softplus(−zᵢⱼ·ℓᵢⱼ)        Gᵢⱼ = ∂L/∂ℓᵢⱼ = (σ(ℓᵢⱼ) − δᵢⱼ)/n
 *     ∂X = a·G·Y        ∂Y = a·Gᵀ·X        ∂t′ = Σ G·(ℓ − b)        ∂b = Σ G
 *
 * x, y [n, d]   logits, dLogits [n, n]
 */

export interface Pairs {
  readonly n: number;
  readonly d: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly tPrime: number;
  readonly b: number;
}

export interface Gradients {
  readonly loss: number;
  readonly dX: ArrayLike<number>;
  readonly dY: ArrayLike<number>;
  readonly dTPrime: number;
  readonly dB: number;
}

export interface Reference extends Gradients {
  readonly logits: Float64Array;
  readonly dLogits: Float64Array;
}

export const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** ⟨xᵢ, yⱼ⟩ for all pairs. */
export function similarities({ n, d, x, y }: Pairs): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < d; k++) out[i * n + j] += x[i * d + k] * y[j * d + k];
    }
  }
  return out;
}

/** Gradients of the inputs of the logits, from ∂L/∂ℓ. */
function chain(pairs: Pairs, loss: number, logits: Float64Array, G: Float64Array, S: Float64Array): Reference {
  const { n, d, x, y } = pairs;
  const a = Math.exp(pairs.tPrime);
  const dX = new Float64Array(n * d);
  const dY = new Float64Array(n * d);
  let dTPrime = 0;
  let dB = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const g = G[i * n + j];
      dTPrime += g * a * S[i * n + j];
      dB += g;
      for (let k = 0; k < d; k++) {
        dX[i * d + k] += a * g * y[j * d + k];
        dY[j * d + k] += a * g * x[i * d + k];
      }
    }
  }
  return { loss, logits, dLogits: G, dX, dY, dTPrime, dB };
}

/** 1 for a positive, −1 for a negative, 0 for a pair that does not count; [n, n] in rows. */
export type Labels = ArrayLike<number>;

/** Every image with its own text. */
export const ownLabels = (n: number): Labels =>
  Array.from({ length: n * n }, (_, index) => (Math.floor(index / n) === index % n ? 1 : -1));

export function referenceSigmoidLoss(pairs: Pairs, labels: Labels = ownLabels(pairs.n)): Reference {
  const { n, b } = pairs;
  const a = Math.exp(pairs.tPrime);
  const S = similarities(pairs);
  const logits = S.map((s) => a * s + b);
  let total = 0;
  const G = logits.map((l, index) => {
    if (labels[index] === 0) return 0;
    const positive = labels[index] === 1;
    total += softplus(positive ? -l : l);
    return (positive ? -sigmoid(-l) : sigmoid(l)) / n; // σ − 1 = −σ(−ℓ), without cancellation
  });
  return chain(pairs, total / n, logits, G, S);
}

/** No bias: b is not read. Pairs whose label is 0 are in no normalizer. */
export function referenceSoftmaxLoss(pairs: Pairs, labels: Labels = ownLabels(pairs.n)): Reference {
  const { n } = pairs;
  const a = Math.exp(pairs.tPrime);
  const S = similarities(pairs);
  const logits = S.map((s, index) => (labels[index] === 0 ? Number.NEGATIVE_INFINITY : a * s));
  // One row or column: ℓⱼ − ℓᵢ of the others, so that nearly equal numbers are not subtracted later.
  const line = (at: (j: number) => number, i: number): { missed: number; share: (j: number) => number } => {
    const others = Array.from({ length: n }, (_, j) => at(j) - at(i)).filter((_, j) => j !== i);
    const top = Math.max(0, ...others);
    const sum = others.reduce((total, x) => total + Math.exp(x - top), 0);
    const all = Math.exp(-top) + sum;
    return {
      missed: top === 0 ? Math.log1p(sum) : top + Math.log(all),
      share: (j) => (j === i ? -sum / all : Math.exp(at(j) - at(i) - top) / all), // its own share: less 1
    };
  };
  const rows = Array.from({ length: n }, (_, i) => line((j) => logits[i * n + j], i));
  const columns = Array.from({ length: n }, (_, j) => line((i) => logits[i * n + j], j));
  let loss = 0;
  for (let i = 0; i < n; i++) loss += (rows[i].missed + columns[i].missed) / (2 * n);
  const G = logits.map((_, index) => {
    const i = Math.floor(index / n);
    const j = index % n;
    return (0.5 * (rows[i].share(j) + columns[j].share(i))) / n;
  });
  return { ...chain(pairs, loss, logits, G, S), dB: 0 };
}
