/** The weights of one axis of a separable resize. */

/** Output i is Σ weights[i · span + k] · input[first[i] + k] over k < count[i]. */
export interface Taps<W extends Int32Array | Float32Array> {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: W;
  /** The most taps of an output. */
  readonly span: number;
}

/** Lays out the taps of each output. */
export function layTaps<W extends Int32Array | Float32Array>(
  outputs: readonly { readonly first: number; readonly weights: readonly number[] }[],
  newArray: (length: number) => W,
): Taps<W> {
  const span = outputs.reduce((most, { weights }) => Math.max(most, weights.length), 0);
  const weights = newArray(span * outputs.length);
  outputs.forEach((output, i) => {
    weights.set(output.weights, i * span);
  });
  return {
    first: Int32Array.from(outputs, ({ first }) => first),
    count: Int32Array.from(outputs, (output) => output.weights.length),
    weights,
    span,
  };
}
