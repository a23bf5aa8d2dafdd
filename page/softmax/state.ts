/** The same batch under both losses, before and after a change: what moves in each? */
import { NAMES, STAGES, similaritiesOf } from "../batch/batch.ts";
import { type Square, sigmoidSquare, softmaxSquare } from "../pairMath.ts";
import { numberIn } from "../scene.ts";

/** What a cell can show. */
export const VIEWS = ["probability", "gradient"] as const;

const BEFORE = 12; // pairs
/** A cell has moved if its value changes by more than this: far more than rounding, far less than any effect. */
const MOVED = 1e-12;
const place = (name: string): number => NAMES.indexOf(name);

/** Pairs of a batch: emoji in order, and the picture that each text is said to belong to. */
interface Batch {
  readonly shown: readonly number[];
  readonly matchOf: readonly number[];
}

const batchOf = (shown: readonly number[]): Batch => ({ shown, matchOf: [...shown.keys()] });
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const before = batchOf(upTo(BEFORE));

function swapped(one: number, other: number): Batch {
  const matchOf = [...before.matchOf];
  [matchOf[one], matchOf[other]] = [other, one];
  return { ...before, matchOf };
}

/** The changes of a batch, each with what the reader should look at. */
export const CHANGES = {
  nothing: {
    name: "nothing",
    batch: before,
    note: "Choose a change. A dot will mark every cell that moves by it.",
  },
  remove: {
    name: "remove a pair (horse face)",
    batch: batchOf(before.shown.filter((item) => item !== place("horse face"))),
    note: "Sigmoid: the other cells do not notice. Softmax: every row and every column loses a term of its sum, so every cell moves.",
  },
  duplicate: {
    name: "add a pair twice (dog face)",
    batch: batchOf([...before.shown, place("dog face")]),
    note: "Both losses get two wrong negatives: the dog and its copy. Sigmoid charges them in these cells alone. In softmax the copies share a row’s probability, so neither can get more than one half, and all others move too.",
  },
  swap: {
    name: "swap two labels (red and green apple)",
    batch: swapped(place("red apple"), place("green apple")),
    note: "Label noise: the red apple is said to be green, and the reverse. The gradient moves in the same four cells in both losses, since neither loss reads a label anywhere else; probabilities read none at all.",
  },
  half: {
    name: "halve the batch (B = 6)",
    batch: batchOf(upTo(BEFORE / 2)),
    note: "Sigmoid: a cell is the same in a batch of any size. Softmax: with fewer rivals every probability rises.",
  },
  more: {
    name: "enlarge the batch (B = 16)",
    batch: batchOf(upTo(NAMES.length)),
    note: "Sigmoid: a cell is the same in a batch of any size, so devices can compute blocks of cells apart and only add. Softmax: each sum needs all its cells before any of them is known.",
  },
} as const;

/** Name of a change. */
export type Change = keyof typeof CHANGES;
export const CHANGE_NAMES = Object.keys(CHANGES) as Change[];

export interface SoftmaxState {
  readonly change: Change;
  readonly view: (typeof VIEWS)[number];
  /** Index of `STAGES`. */
  readonly stage: number;
  readonly t: number;
  readonly b: number;
}

export const RANGES = {
  stage: { initial: 2, min: 0, max: STAGES.length - 1, step: 1 },
  t: { initial: 10, min: 1, max: 50, step: 1 },
  b: { initial: -6, min: -15, max: 5, step: 0.5 },
} as const;

export const stateOf = (parameters: URLSearchParams): SoftmaxState => ({
  change: CHANGE_NAMES.find((name) => name === parameters.get("change")) ?? "nothing",
  view: VIEWS.find((name) => name === parameters.get("view")) ?? "probability",
  stage: numberIn(parameters, "stage", RANGES.stage),
  t: numberIn(parameters, "t", RANGES.t),
  b: numberIn(parameters, "b", RANGES.b),
});

export const parametersOf = (state: SoftmaxState): Record<string, number | string> => ({ ...state });

/** One loss after the change, and what has moved. */
export interface Side {
  readonly square: Square;
  readonly lossBefore: number;
  /** Cells of pairs that were there before and whose value moved, [n, n]. */
  readonly changed: readonly boolean[];
  /** Cells that were there before. */
  readonly kept: number;
}

/** Both losses of a state, side by side. */
export function sidesOf({ change, view, stage, t, b }: SoftmaxState): {
  sigmoid: Side;
  softmax: Side;
  shown: readonly number[];
} {
  const { batch } = CHANGES[change];
  const side = (loss: (similarities: Float64Array, matchOf: readonly number[]) => Square): Side => {
    const [old, square] = [before, batch].map(({ shown, matchOf }) => loss(similaritiesOf(stage, shown), matchOf));
    const values = ({ probabilities, gradients }: Square) => (view === "probability" ? probabilities : gradients);
    // Emoji of the batch before are numbered by their place in it; a copy of one is new.
    const isOld = batch.shown.map((item, i) => item < BEFORE && batch.shown.indexOf(item) === i);
    const { n } = square;
    const cells = Array.from({ length: n * n }, (_, k) => ({ row: Math.floor(k / n), column: k % n }));
    const wasThere = cells.map(({ row, column }) => isOld[row] && isOld[column]);
    const changed = cells.map(({ row, column }, k) => {
      const earlier = values(old)[batch.shown[row] * BEFORE + batch.shown[column]];
      return wasThere[k] && Math.abs(values(square)[k] - earlier) > MOVED;
    });
    return { square, lossBefore: old.loss, changed, kept: wasThere.filter(Boolean).length };
  };
  return {
    sigmoid: side((similarities, matchOf) => sigmoidSquare(similarities, matchOf, t, b)),
    softmax: side((similarities, matchOf) => softmaxSquare(similarities, matchOf, t)),
    shown: batch.shown,
  };
}
