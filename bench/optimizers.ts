/**
 * A step of every optimizer on the kernels of transformer blocks, compared with AdamW's. One thread, f32, in turns.
 *
 * Three blocks of width 64 (emoji recipe) or 192 (the ViT of the step bench), one of 768 (ViT-B). Nanoseconds per parameter.
 * Muon's bar is not AdamW's time but that of its Newton–Schulz products, 5·(4r²c + 2r³) FLOP a matrix, at the rate of such a
 * product: at most 1.5.
 */
import { parameterWithLayout, type Variable } from "../src/autograd/index.ts";
import { AdamW, adafactor, adam, lion, muon, type Optimizer, sgd } from "../src/nn/index.ts";
import { generate, keep, Rng, scope } from "../src/tensor/index.ts";
import { contest } from "./contest.ts";
import { flopOf, ourProduct } from "./gemm.ts";
import { atMost, type Row } from "./row.ts";

type Parameters = ReadonlyMap<string, Variable>;

const OPTIMIZERS: Readonly<Record<string, (parameters: Parameters) => Optimizer>> = {
  adamW: (parameters) => new AdamW(parameters, { lr: 0 }),
  adam: (parameters) => adam(parameters, { lr: 0 }),
  adafactor: (parameters) => adafactor(parameters, { lr: 0 }),
  lion: (parameters) => lion(parameters, { lr: 0 }),
  sgd: (parameters) => sgd(parameters, { lr: 0 }),
  muon: (parameters) => muon(parameters, { lr: 0, matrixLr: 0 }),
};
/** Most times AdamW's time. */
const BARS: Readonly<Record<string, number>> = { adafactor: 1.3, lion: 1.3 };
const MUON_BAR = 1.5;
const SIZES = [
  { width: 64, depth: 3 },
  { width: 192, depth: 3 },
  { width: 768, depth: 1 },
];
const HEAD = 64;

/** The kernels of some blocks. */
function blocks({ width, depth }: (typeof SIZES)[number]): { parameters: Map<string, Variable>; count: number } {
  const rng = new Rng(1);
  const heads = width / HEAD;
  const tables = [
    { name: "qkv", shape: [width, 3 * width], layout: { axes: [width, 3, heads, HEAD], parts: 3 } },
    { name: "out", shape: [width, width], layout: { axes: [heads, HEAD, width] } },
    { name: "dense1", shape: [width, 4 * width], layout: { axes: [width, 4 * width] } },
    { name: "dense2", shape: [4 * width, width], layout: { axes: [4 * width, width] } },
  ];
  const draw = (shape: number[]) => keep(generate(shape, () => rng.between(-1, 1)));
  const parameters = new Map<string, Variable>();
  for (let block = 0; block < depth; block++) {
    for (const { name, shape, layout } of tables) {
      parameters.set(`${block}/${name}/kernel`, parameterWithLayout(draw(shape), layout));
    }
  }
  const count = [...parameters.values()].reduce((sum, { value }) => sum + value.size, 0);
  return { parameters, count };
}

/** A step with the same gradients every time. */
function stepOf(optimizer: Optimizer, parameters: Parameters): () => void {
  const rng = new Rng(2);
  const gradients = [...parameters.values()].map(({ shape }) => keep(generate(shape, () => rng.between(-1, 1))));
  return () =>
    scope(() => {
      let i = 0;
      for (const parameter of parameters.values()) {
        const g = gradients[i++];
        parameter.grad = g.view(g.shape);
        g.storage.holds++; // the step frees what nobody else holds
      }
      optimizer.step(1);
      for (const { storage } of gradients) storage.holds--;
    });
}

/** Seconds of the Newton–Schulz products of all matrices at the rates of products of their sizes. */
function productSeconds({ width, depth }: (typeof SIZES)[number]): number {
  const square = { m: width, n: width, k: width, form: "NN", batch: 4 * depth } as const; // queries, keys, values, output
  const wide = { m: width, n: 4 * width, k: width, form: "NN", batch: 2 * depth } as const;
  const ours = [square, wide].map(ourProduct);
  const [ofSquare, ofWide] = contest(ours.map(({ run }) => run));
  for (const { release } of ours) release();
  const flop = (r: number, c: number, matrices: number): number => matrices * 5 * (4 * r * r * c + 2 * r ** 3);
  return (
    (flop(width, width, 4 * depth) * ofSquare) / flopOf(square) +
    (flop(width, 4 * width, 2 * depth) * ofWide) / flopOf(wide)
  );
}

/** One row per optimizer and width. */
export async function* optimizersBench(): AsyncGenerator<Row> {
  for (const size of SIZES) {
    const { parameters, count } = blocks(size);
    const names = Object.keys(OPTIMIZERS);
    const steps = names.map((name) => stepOf(OPTIMIZERS[name](parameters), parameters));
    const seconds = contest(steps);
    for (const [i, name] of names.entries()) {
      const nsPerParameter = Number(((seconds[i] * 1e9) / count).toFixed(3));
      const timesAdamW = Number((seconds[i] / seconds[0]).toFixed(2));
      const row = { bench: "optimizers", case: `${name} ${size.width}`, nsPerParameter, timesAdamW, ratio: {} };
      if (name === "muon") {
        const timesProducts = Number((seconds[i] / productSeconds(size)).toFixed(2));
        yield atMost({ ...row, timesProducts }, { timesProducts: MUON_BAR });
      } else yield name in BARS ? atMost(row, { timesAdamW: BARS[name] }) : row;
    }
  }
}
