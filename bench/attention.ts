/**
 * Rates of attention over all heads, forward and backward. One thread, f32; two products forward, four backward.
 *
 * Cases: the small ViT (64 images, 3 heads, 64 tokens of 64); a ViT-B/16 with a class token (197 tokens) and one of 257, each
 * beside the even number of tokens below it, since an edge must not cost more than its share; the emoji recipe (16 tokens,
 * heads of 16), without a bar.
 */
import { heap, type Kernels, kernelsFor, Rng } from "../src/tensor/index.ts";
import { contest } from "./contest.ts";
import { flopOf, ourProduct } from "./gemm.ts";
import { product } from "./gemmCases.ts";
import { attentionProducts, flopOfProducts, replay } from "./products.ts";
import { atLeast, holds, type Row } from "./row.ts";

type AttentionGradArgs = Parameters<Kernels["attentionGrad"]>[0];

/** Images, heads, tokens and width of a head. */
interface Size {
  readonly batch: number;
  readonly heads: number;
  readonly tokens: number;
  readonly headDim: number;
}
interface Case {
  readonly size: Size;
  /** The even number of tokens to compare with. */
  readonly even?: number;
}

const EDGE_BAR = 0.8; // of the rate at the even number of tokens
const PRODUCTS_BAR = { "512³": 0.6 };
const SMALL_VIT: Size = { batch: 64, heads: 3, tokens: 64, headDim: 64 };

const CASES: readonly Case[] = [
  { size: { batch: 128, heads: 4, tokens: 16, headDim: 16 } },
  { size: SMALL_VIT },
  { size: { batch: 8, heads: 12, tokens: 197, headDim: 64 }, even: 192 },
  { size: { batch: 8, heads: 12, tokens: 257, headDim: 64 }, even: 256 },
];

const nameOf = ({ batch, heads, tokens, headDim }: Size): string => `${batch}×${heads} ${tokens}x${tokens}x${headDim}`;

/** The arguments of both kernels in new blocks; queries, keys and values are read from one projection. */
function place({ batch, heads, tokens, headDim }: Size): { args: AttentionGradArgs; release: () => void } {
  const width = heads * headDim;
  const rng = new Rng(1);
  const blocks: { at: number; bytes: number }[] = [];
  const block = (numbers: number): number => {
    const at = heap.allocate(4 * numbers);
    for (let i = 0; i < numbers; i++) heap.f32[at / 4 + i] = rng.uniform() - 0.5;
    blocks.push({ at, bytes: 4 * numbers });
    return at;
  };
  const [qkv, dqkv] = [0, 1].map(() => block(3 * batch * tokens * width));
  const [out, g] = [0, 1].map(() => block(batch * tokens * width));
  const part = (at: number, i: number) => ({ at: at + 4 * i * width, batch: 3 * tokens * width, row: 3 * width });
  const whole = (at: number) => ({ at, batch: tokens * width, row: width });
  const args = {
    ...{ batch, heads, queries: tokens, keys: tokens, headDim },
    ...{ q: part(qkv, 0), k: part(qkv, 1), v: part(qkv, 2), out: whole(out) },
    probs: block(batch * heads * tokens ** 2),
    ...{ g: whole(g), dq: part(dqkv, 0), dk: part(dqkv, 1), dv: part(dqkv, 2) },
  };
  const release = () => {
    for (const { at, bytes } of blocks) heap.release(at, bytes);
  };
  return { args, release };
}

function measure({ size, even }: Case, pass: "forward" | "backward"): Row {
  const sizes = [size, ...(even === undefined ? [] : [{ ...size, tokens: even }])];
  const kernels = kernelsFor("f32");
  const placed = sizes.map(place);
  for (const { args } of placed) kernels.attention(args); // probabilities for the backward pass
  const run = pass === "forward" ? kernels.attention : kernels.attentionGrad;
  const products = pass === "forward" ? 2 : 4;
  const flops = sizes.map(({ batch, heads, tokens, headDim }) => products * 2 * batch * heads * tokens ** 2 * headDim);
  const ratioAt = (seconds: readonly number[]): Record<string, number> =>
    even === undefined ? {} : { [`${even} tokens`]: flops[0] / seconds[0] / (flops[1] / seconds[1]) };
  const bar = even === undefined ? {} : { [`${even} tokens`]: EDGE_BAR };
  const seconds = contest(
    placed.map(
      ({ args }) =>
        () =>
          run(args),
    ),
    { leastMs: 400, enough: (best) => holds(ratioAt(best), bar) !== false },
  );
  for (const { release } of placed) release();
  const ratio = ratioAt(seconds);
  const figures = { ms: 1e3 * seconds[0], gflops: flops[0] / seconds[0] / 1e9 };
  const row = { bench: "attention", case: `${pass} ${nameOf(size)}`, ...figures, ratio };
  return even === undefined ? row : atLeast(row, bar);
}

/** The six products of a head of 64 tokens in place in the small ViT, without the work between them. */
function productsAlone(size: Size): Row {
  const { args, release } = place(size);
  const { g: _g, ...forward } = args;
  const products = [...attentionProducts(forward), ...attentionProducts(args)];
  const cube = product("NN", 512, 512, 512);
  const [alone, large] = [replay(products), ourProduct(cube)];
  const rates = (seconds: readonly number[]): number[] =>
    [flopOfProducts(products), flopOf(cube)].map((flop, i) => flop / seconds[i] / 1e9);
  const ratioAt = (seconds: readonly number[]) => ({ "512³": rates(seconds)[0] / rates(seconds)[1] });
  const enough = (best: readonly number[]) => holds(ratioAt(best), PRODUCTS_BAR) !== false;
  const seconds = contest([alone.run, large.run], { leastMs: 400, enough });
  for (const each of [alone, large]) each.release();
  release();
  const row = { bench: "attention", case: `products ${nameOf(size)}`, gflops: rates(seconds)[0] };
  return atLeast({ ...row, ratio: ratioAt(seconds) }, PRODUCTS_BAR);
}

/** Two rows per case, and one for the products alone. */
export async function* attentionBench(): AsyncGenerator<Row> {
  yield productsAlone(SMALL_VIT);
  for (const each of CASES) {
    yield measure(each, "forward");
    yield measure(each, "backward");
  }
}
