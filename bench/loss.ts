/**
 * How fast is the sigmoid loss with all its gradients, and next to PyTorch? One thread, f32, best of several runs.
 *
 * Work is 6·d floating-point operations a pair: three products. `gemmShare` is the rate of the whole over that of our own
 * product at 512³, timed between the runs: what the loss would reach if sigmoids and memory cost nothing is 1.
 *
 * The peer is `loss-torch.py B d threads chunk` in the folder of the peers, as one would write the loss in PyTorch: rows in
 * chunks that are recomputed in the backward pass (open_clip's `chunk_size`). Its best chunk counts.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { alone } from "../src/parallel/index.ts";
import { fusedSigmoidLoss } from "../src/siglip/index.ts";
import { heap, kernelsFor, l2Normalize, Rng, scope, type Tensor, tensor } from "../src/tensor/index.ts";
import { type BenchOptions, best, type Row } from "./row.ts";

const CASES = [[4096, 64], [4096, 256], [16384, 64], [16384, 256]] as const; // biome-ignore format: batch, width
const [T_PRIME, BIAS] = [Math.log(10), -10]; // as training starts
const LEAST_RUNS = 5;
const LEAST_MS = 3000; // short runs often, so that some meets no neighbour
const PEER = "loss-torch.py";
const CHUNKS = [128, 256, 512, 1024];

/** Seconds of one product of two 512 × 512 matrices, best of many. */
function productSeconds(): number {
  const n = 512;
  const [a, b, c] = [0, 1, 2].map(() => heap.allocate(4 * n * n));
  for (const at of [a, b, c]) heap.f32.fill(0.5, at / 4, at / 4 + n * n);
  const args = { transA: false, transB: false, m: n, n, k: n, a, lda: n, b, ldb: n, c, ldc: n };
  const seconds = best(() => kernelsFor("f32").gemm(args), 40, 3);
  for (const at of [a, b, c]) heap.release(at, 4 * n * n);
  return seconds / (2 * n ** 3);
}

function unitRows(rng: Rng, batch: number, width: number): Tensor {
  const values = Float32Array.from({ length: batch * width }, () => rng.normal());
  return l2Normalize(tensor(values, [batch, width]), 0).value;
}

/** Nanoseconds a pair that PyTorch takes with its best chunk; undefined where the peer was not asked for. */
async function peerNsPerPair(
  batch: number,
  width: number,
  { peers, python }: BenchOptions,
): Promise<number | undefined> {
  if (peers === undefined || python === undefined || !existsSync(join(peers, PEER))) return undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const chunk of CHUNKS) {
    const args = [join(peers, PEER), batch, width, 1, chunk].map(String);
    const { stdout } = await promisify(execFile)(python, args);
    least = Math.min(least, Number(/([\d.]+) ns\/pair/.exec(stdout)?.[1]));
  }
  return least;
}

export async function* lossBench(options: BenchOptions): AsyncGenerator<Row> {
  for (const [batch, width] of CASES) {
    const rng = new Rng(1);
    const [zimg, ztxt] = [unitRows(rng.split("images"), batch, width), unitRows(rng.split("texts"), batch, width)];
    const step = () => scope(() => fusedSigmoidLoss(zimg, ztxt, T_PRIME, BIAS, alone).loss);
    const loss = step();
    let seconds = Number.POSITIVE_INFINITY;
    let perFlop = productSeconds();
    const start = performance.now();
    for (let run = 0; run < LEAST_RUNS || performance.now() - start < LEAST_MS; run++) {
      seconds = Math.min(seconds, best(step, 1, 0));
      perFlop = Math.min(perFlop, productSeconds());
    }
    const flop = 6 * width * batch ** 2;
    const nsPerPair = (seconds * 1e9) / batch ** 2;
    const theirs = await peerNsPerPair(batch, width, options);
    yield {
      bench: "loss",
      case: `fused ${batch} x ${width}`,
      nsPerPair,
      gflops: flop / seconds / 1e9,
      gemmShare: (flop * perFlop) / seconds,
      loss,
      ratio: theirs === undefined ? {} : { open_clip: theirs / nsPerPair },
    };
  }
}
