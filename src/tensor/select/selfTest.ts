/**
 * Compares kernels with the plain loops on this engine. It runs once at start-up, since an engine may compile vectors wrongly
 * (revectorization is experimental), and finds wrong code, not rounding errors.
 */
import type { Heap } from "../heap.ts";
import type { Kernels } from "../kernels/kernels.ts";
import type { Ptr } from "../kernels/ptr.ts";
import { BINARY } from "../kernels/scalar/binary.ts";
import { isForPositive, UNARY, UNARY_GRAD, UNARY_WITH_DERIVATIVE, type UnaryOp } from "../kernels/scalar/unary.ts";
import { Rng } from "../random.ts";

const ROWS = 5;
const COLS = 37; // odd: every kernel has a remainder
const N = ROWS * COLS;
const TOLERANCE = 1e-4; // relative to the larger of 1 and the value
const WARM_MS = 40; // engines compile twice; the second, optimized code is to be tested too

/** A kernel on given inputs: its name, the count of its results, which lie one after the other, and the call. */
type Check = readonly [name: string, results: number, run: (kernels: Kernels, out: Ptr) => void];

/** Blocks of 64 KiB for the inputs and for the results. */
interface Inputs {
  /** Numbers in −3..3. */
  readonly x: Ptr;
  readonly y: Ptr;
  /** Numbers in 0.1..3. */
  readonly positive: Ptr;
}

function gemmChecks({ x, y }: Inputs): Check[] {
  const [m, n, k] = [70, 41, 33]; // whole tiles and edges in both directions
  return [0, 1, 2, 3].map((form): Check => {
    const [transA, transB] = [form >= 2, form % 2 === 1];
    return [
      "gemm",
      m * n,
      (kernels, out) => {
        const [lda, ldb] = [transA ? m : k, transB ? k : n];
        kernels.gemm({ transA, transB, m, n, k, a: x, lda, b: y, ldb, c: out, ldc: n, bias: x });
      },
    ];
  });
}

function rowChecks({ x, y, positive }: Inputs): Check[] {
  return [
    ["softmax", N, (kernels, out) => kernels.softmax(ROWS, COLS, x, out)],
    ["softmaxGrad", N, (kernels, out) => kernels.softmaxGrad(ROWS, COLS, x, y, out)],
    ["logSumExp", ROWS, (kernels, out) => kernels.logSumExp(ROWS, COLS, x, out)],
    ["sumOverRows", COLS, (kernels, out) => kernels.sumOverRows(ROWS, COLS, x, out)],
    ["sumAlongRows", ROWS, (kernels, out) => kernels.sumAlongRows(ROWS, COLS, x, out)],
    ["maxAlongRows", ROWS, (kernels, out) => kernels.maxAlongRows(ROWS, COLS, x, out)],
    ["l2Normalize", N + ROWS, (kernels, out) => kernels.l2Normalize(ROWS, COLS, 1e-8, x, out, out + 4 * N)],
    ["l2NormalizeGrad", N, (kernels, out) => kernels.l2NormalizeGrad(ROWS, COLS, 1e-8, x, positive, y, out)],
    [
      "layerNorm",
      N + 2 * ROWS,
      (kernels, out) => {
        const mean = out + 4 * N;
        kernels.layerNorm(ROWS, COLS, 1e-6, x, y, positive, out, mean, mean + 4 * ROWS);
      },
    ],
    [
      "layerNormGrad",
      N + 2 * COLS,
      (kernels, out) => {
        const dscale = out + 4 * N;
        kernels.layerNormGrad(ROWS, COLS, x, y, y, positive, positive, out, dscale, dscale + 4 * COLS);
      },
    ],
  ];
}

/** Channels of a head and keys; each pair may use different kernels. */
const ATTENTIONS = [[12, 11], [16, 11], [16, 16]] as const; // biome-ignore format: a case a pair

function attentionChecks({ x, y, positive }: Inputs, [headDim, keys]: (typeof ATTENTIONS)[number]): Check[] {
  const [batch, heads, queries] = [2, 2, 9];
  const row = heads * headDim;
  const layout = (at: Ptr, tokens: number) => ({ at, batch: tokens * row, row });
  const sizes = { batch, heads, queries, keys, headDim };
  const scores = batch * heads * queries * keys;
  const [ofQueries, ofKeys] = [batch * queries * row, batch * keys * row];
  const inputs = { q: layout(x, queries), k: layout(y, keys), v: layout(positive, keys) };
  return [
    [
      "attention",
      scores + ofQueries,
      (kernels, out) => {
        kernels.attention({ ...sizes, ...inputs, probs: out, out: layout(out + 4 * scores, queries) });
      },
    ],
    [
      "attentionGrad",
      scores + 2 * ofQueries + 2 * ofKeys,
      (kernels, out) => {
        const [forward, dq] = [out + 4 * scores, out + 4 * (scores + ofQueries)];
        const [dk, dv] = [dq + 4 * ofQueries, dq + 4 * (ofQueries + ofKeys)];
        const args = { ...sizes, ...inputs, probs: out, out: layout(forward, queries) };
        kernels.attention(args);
        const grads = { dq: layout(dq, queries), dk: layout(dk, keys), dv: layout(dv, keys) };
        kernels.attentionGrad({ ...args, ...grads, g: layout(y, queries) });
      },
    ],
  ];
}

const putNumber = (heap: Heap, out: Ptr, value: number): void => {
  heap.f32[out / 4] = value;
};

function elementChecks(heap: Heap, { x, y, positive }: Inputs): Check[] {
  const inputOf = (op: UnaryOp): Ptr => (isForPositive(op) ? positive : x);
  return [
    ...UNARY.map((op): Check => [op, N, (k, out) => k.unary[op](N, inputOf(op), out)]),
    ...UNARY_GRAD.map((op): Check => [`${op}Grad`, N, (k, out) => k.unaryGrad[op](N, x, y, out)]),
    ...UNARY_WITH_DERIVATIVE.map(
      (op): Check => [`${op}WithDerivative`, 2 * N, (k, out) => k.unaryWithDerivative[op](N, x, out, out + 4 * N)],
    ),
    ...BINARY.map((op): Check => [op, N, (k, out) => k.binary[op](ROWS, COLS, x, positive, out)]),
    ...BINARY.map((op): Check => [`${op}Scalar`, N, (k, out) => k.binaryScalar[op](N, x, 0.7, out)]),
    ["fill", N, (k, out) => k.fill(N, 0.7, out)],
    ["copy", N, (k, out) => k.copy(N, x, out)],
    ["strided", N, (k, out) => k.strided([COLS, ROWS], [1, COLS], x, out)],
    ["sum", 1, (k, out) => putNumber(heap, out, k.sum(N, x))],
    ["sumSquares", 1, (k, out) => putNumber(heap, out, k.sumSquares(N, x))],
  ];
}

/** Kernels of the loss, of tables and of images. */
function otherChecks(heap: Heap, { x, y, positive }: Inputs): Check[] {
  return [
    [
      "sigmoidTile",
      N + 2,
      (k, out) => {
        k.copy(N, x, out);
        const { loss, sum } = k.sigmoidTile(ROWS, COLS, out, 2, -1, 1 - ROWS); // one positive, in the last row
        putNumber(heap, out + 4 * N, loss);
        putNumber(heap, out + 4 * N + 4, sum);
      },
    ],
    ...softmaxTileChecks({ x, y, positive }),
    ...pairMaskChecks(heap, { x, y, positive }),
    ...codesChecks(heap, { x, y }),
    ["gather", 3 * COLS, (k, out) => k.gather(COLS, x, Int32Array.of(3, 0, 3), out)],
    [
      "scatterAdd",
      N,
      (k, out) => {
        k.copy(N, y, out);
        k.scatterAdd(COLS, x, Int32Array.of(3, 0, 3), out);
      },
    ],
    [
      "drawView",
      3 * 11 * 11,
      (k, out) => {
        // Rotated, so that all four edges of the image cross the view; its bytes are those of x.
        const place = [0.9, 0.3, -1.7, -0.3, 0.9, 0.4] as const;
        const colour = [0.9, 0.2, -0.1, 0.05, -0.2, 1.1, 0.1, -0.05, 0.3, -0.3, 1, 0];
        k.drawView({ stored: 9, picture: x, place, colour, scale: 1 / 128, side: 11, out });
      },
    ],
  ];
}

/** Codes and their products, integers and f64, as numbers of f32. */
function codesChecks(heap: Heap, { x, y }: Pick<Inputs, "x" | "y">): Check[] {
  return [
    [
      "encodeRows",
      2 * 64 + 3 * 2,
      (k, out) => {
        const [codes, numbers] = [out + 4096, out + 8192];
        k.encodeRows(2, 64, x, y, codes, numbers, numbers + 16, numbers + 32);
        const results = [
          ...new Int8Array(heap.memory.buffer, codes, 128),
          ...heap.f64.subarray(numbers / 8, numbers / 8 + 6),
        ];
        results.forEach((value, i) => {
          putNumber(heap, out + 4 * i, value);
        });
      },
    ],
    [
      "dotCodes",
      ROWS,
      (k, out) => {
        k.dotCodes(ROWS, 64, x, y, out); // the bits of random numbers
        const sums = new Int32Array(heap.memory.buffer, out, ROWS).slice();
        sums.forEach((sum, i) => {
          putNumber(heap, out + 4 * i, sum);
        });
      },
    ],
  ];
}

/** Images in integers; their bytes are those of x, and results become numbers to be compared. */
function resizeChecks(heap: Heap, { x }: Inputs): Check[] {
  const [from, to, span] = [23, 9, 6];
  const taps = {
    first: Int32Array.from({ length: to }, (_, i) => 2 * i),
    count: Int32Array.from({ length: to }, (_, i) => 1 + (i % span)),
    weights: Int32Array.from({ length: to * span }, (_, i) => (i % 3 === 1 ? -1 : 1) * (91_357 * (i + 1))),
    span,
  };
  const bytes = 65_536 / 2;
  const check = (name: string, count: number, run: (kernels: Kernels, out: Ptr) => void): Check => [
    name,
    count,
    (kernels, out) => {
      run(kernels, out + bytes);
      for (let i = 0; i < count; i++) heap.f32[out / 4 + i] = heap.bytes[out + bytes + i];
    },
  ];
  return [
    check("resizeColumns", ROWS * to * 3, (k, out) => k.resizeColumns(ROWS, from, taps, x, out)),
    check("resizeRows", to * COLS, (k, out) => k.resizeRows(COLS, taps, x, out)),
  ];
}

/** One step of every optimizer: the parameter, then its state. */
function optimizerChecks({ x, y, positive }: Inputs): Check[] {
  const rates = { lr: 0.1, decay: 0.01, gradScale: 0.5, beta1: 0.9, beta2: 0.99, eps: 1e-8, bfloat16: false };
  const sizes = { outer: 1, rows: ROWS, middle: 1, cols: COLS };
  const step = (name: string, states: 1 | 2, run: (kernels: Kernels, p: Ptr, m: Ptr, v: Ptr) => void): Check => [
    name,
    (1 + states) * N,
    (k, out) => {
      const [m, v] = [out + 4 * N, out + 8 * N];
      k.copy(N, x, out);
      k.copy(N, y, m);
      if (states === 2) k.copy(N, positive, v);
      run(k, out, m, v);
    },
  ];
  return [
    step("adamW", 2, (k, p, m, v) => k.adamW(N, p, y, m, v, { ...rates, correction1: 0.2, correction2: 0.3 })),
    step("adafactor", 2, (k, p, m, v) => k.adafactor(N, p, y, m, v, rates)),
    [
      "adafactorFactored",
      2 * N + ROWS + COLS,
      (k, out) => {
        const [m, row] = [out + 4 * N, out + 8 * N];
        k.copy(N, x, out);
        k.copy(N, y, m);
        k.copy(ROWS + COLS, positive, row);
        k.adafactorFactored(sizes, out, y, m, row, row + 4 * ROWS, rates);
      },
    ],
    step("lion", 1, (k, p, m) => k.lion(N, p, x, m, rates)),
    step("muonMomentum", 1, (k, out, m) => k.muonMomentum(N, x, m, out, { ...rates, momentum: 0.9 })),
    step("sgd", 1, (k, p, m) => k.sgd(N, p, x, m, { ...rates, momentum: 0.9, nesterov: false })),
    step("sgdNesterov", 1, (k, p, m) => k.sgd(N, p, x, m, { ...rates, momentum: 0.9, nesterov: true })),
  ];
}

/** With tops of 3, the largest number there is in x. */
function softmaxTileChecks({ x, positive }: Inputs): Check[] {
  return [
    [
      "softmaxTileTops",
      ROWS + COLS,
      (k, out) => {
        k.fill(ROWS + COLS, -3, out);
        k.softmaxTileTops(ROWS, COLS, x, out, out + 4 * ROWS);
      },
    ],
    [
      "softmaxTileSums",
      2 * (ROWS + COLS),
      (k, out) => {
        const sums = out + 4 * (ROWS + COLS);
        k.fill(ROWS + COLS, 3, out);
        k.softmaxTileSums(ROWS, COLS, x, 0.5, out, out + 4 * ROWS, sums, sums + 4 * ROWS);
      },
    ],
    [
      "softmaxTileGrad",
      N + ROWS + COLS,
      (k, out) => {
        const tops = out + 4 * N;
        k.copy(N, x, out);
        k.fill(ROWS + COLS, 3, tops);
        k.softmaxTileGrad(ROWS, COLS, out, 0.5, tops, tops + 4 * ROWS, positive, positive + 4 * ROWS);
      },
    ],
  ];
}

/** The words of the keys are the bits of random numbers. */
function pairMaskChecks(heap: Heap, { x, y, positive }: Inputs): Check[] {
  return [
    [
      "keepAtLeast",
      N,
      (k, out) => {
        k.copy(N, x, out);
        k.keepAtLeast(N, out, -1, 0.5);
      },
    ],
    [
      "keepAbove",
      N,
      (k, out) => {
        k.copy(N, x, out);
        k.keepAbove(N, out, 1, 0.5);
      },
    ],
    [
      "keepRandom",
      N,
      (k, out) => {
        k.copy(N, x, out);
        k.keepRandom(ROWS, COLS, out, y, positive, 2 ** 31);
      },
    ],
    [
      "findBetween",
      N + 2,
      (k, out) => {
        k.fill(N, 0, out);
        const { above, count } = k.findBetween(N, x, 1, 0.5, 1, out);
        putNumber(heap, out + 4 * N, above);
        putNumber(heap, out + 4 * N + 4, count);
      },
    ],
  ];
}

const differs = (got: number, want: number): boolean =>
  !(Object.is(got, want) || (Number.isFinite(want) && Math.abs(got - want) <= TOLERANCE * Math.max(1, Math.abs(want))));

/** The names of the kernels that differ from those of `oracle`; empty if all agree. */
export function selfTest(heap: Heap, kernels: Kernels, oracle: Kernels): string[] {
  const BLOCK = 65536;
  const blocks = [0, 1, 2, 3].map(() => heap.allocate(BLOCK));
  const [x, y, positive, out] = blocks;
  const inputs: Inputs = { x, y, positive };
  const rng = new Rng(1);
  for (let i = 0; i < BLOCK / 4; i++) {
    heap.f32[x / 4 + i] = 6 * rng.uniform() - 3;
    heap.f32[y / 4 + i] = 6 * rng.uniform() - 3;
    heap.f32[positive / 4 + i] = 0.1 + 2.9 * rng.uniform();
  }
  const table = [
    ...gemmChecks(inputs), ...elementChecks(heap, inputs), ...otherChecks(heap, inputs), ...resizeChecks(heap, inputs), ...optimizerChecks(inputs), ...rowChecks(inputs), ...ATTENTIONS.flatMap((sides) => attentionChecks(inputs, sides)),
  ]; // biome-ignore format: one line
  const results = (set: Kernels, [, length, run]: Check): Float32Array => {
    run(set, out);
    return heap.f32.slice(out / 4, out / 4 + length);
  };
  const wanted = table.map((check) => results(oracle, check));

  const wrong = new Set<string>();
  const start = performance.now();
  do {
    table.forEach((check, c) => {
      if (results(kernels, check).some((value, i) => differs(value, wanted[c][i]))) wrong.add(check[0]);
    });
  } while (wrong.size === 0 && performance.now() - start < WARM_MS);
  for (const block of blocks) heap.release(block, BLOCK);
  return [...wrong];
}
