/**
 * The losses with all their gradients, on one device and on two, the sigmoid loss compared with PyTorch. f32, best of several runs.
 *
 * The work is 6·d floating-point operations a pair: three products. The softmax loss has four, 8·d, since it needs the inner
 * products once for its normalizers and again for its gradient. The ratio `gemm` is the rate of the whole over that of our product
 * at 512³, timed in turns with it; it would be 1 if exponentials and memory cost nothing. The ratio `sigmoid` compares the two
 * losses; by their products alone it would be 0.75. Memory is the peak of the heap without the embeddings.
 *
 * The peer is peers/loss-torch.py, the loss in idiomatic PyTorch: rows in chunks that are recomputed in the backward pass
 * (open_clip's `chunk_size`). Its best chunk counts, on as many threads.
 */
import { alone } from "../src/parallel/index.ts";
import { launch, threadFile } from "../src/parallel/launch.ts";
import { lossForms } from "../src/siglip/index.ts";
import { heap, kernelsFor } from "../src/tensor/index.ts";
import { contest } from "./contest.ts";
import { type Form, makeLoss } from "./lossCase.ts";
import type { LossRounds, LossTimes } from "./lossDevice.ts";
import { pythonPeer, secondsOf } from "./peer.ts";
import { atLeast, type BenchOptions, type Measured, type Row } from "./row.ts";

const FORMS = ["fused", "softmax"] as const satisfies readonly Form[];
const BATCH = 16_384;
/** Width, and the least ratio of each loss to the rate of a product. */
const CASES = [[64, { fused: 0.8, softmax: 0.7 }], [256, { fused: 0.9, softmax: 0.85 }]] as const; // biome-ignore format: a case a pair
const PYTORCH_BAR = 2;
const TWO_DEVICES_BAR = 1.85;
const ROUNDS = 5;
const LEAST_MS = 5000; // many short runs, so that some meets no other load
const CHUNKS = [128, 256, 512, 1024];
/** The peer draws other random rows: two such losses differ by a few thousandths at this batch. */
const SAMPLED = 0.02;

/** One product of two 512 × 512 matrices, as a function. */
function product(): { run: () => void; flop: number; release: () => void } {
  const n = 512;
  const [a, b, c] = [0, 1, 2].map(() => heap.allocate(4 * n * n));
  for (const at of [a, b, c]) heap.f32.fill(0.5, at / 4, at / 4 + n * n);
  const { gemm } = kernelsFor("f32");
  return {
    run: () => gemm({ transA: false, transB: false, m: n, n, k: n, a, lda: n, b, ldb: n, c, ldc: n }),
    flop: 2 * n ** 3,
    release: () => {
      for (const at of [a, b, c]) heap.release(at, 4 * n * n);
    },
  };
}

/** Nanoseconds a pair that PyTorch takes with its best chunk; undefined where it is not installed. */
async function peerNsPerPair(
  { width, devices, loss }: { width: number; devices: number; loss: number },
  { python }: BenchOptions,
): Promise<number | undefined> {
  let least: number | undefined;
  const script = "loss-torch.py";
  for (const chunk of CHUNKS) {
    const found = await pythonPeer(python, { script, args: [BATCH, width, devices, chunk] });
    const seconds = secondsOf(script, { loss }, found, SAMPLED);
    if (seconds !== undefined) least = Math.min(least ?? Number.POSITIVE_INFINITY, (seconds * 1e9) / BATCH ** 2);
  }
  return least;
}

async function measured(
  form: Form,
  { width, devices, seconds, loss }: { width: number; devices: number; seconds: number; loss: number },
  ratio: Readonly<Record<string, number>>,
  options: BenchOptions,
): Promise<Measured> {
  const nsPerPair = (seconds * 1e9) / BATCH ** 2;
  const theirs = form === "fused" ? await peerNsPerPair({ width, devices, loss }, options) : undefined;
  return {
    bench: "loss",
    case: `${form} ${BATCH} x ${width}${devices > 1 ? `, ${devices} devices` : ""}`,
    nsPerPair,
    gflops: (lossForms[form].operations * width) / nsPerPair,
    loss,
    ratio: theirs === undefined ? ratio : { ...ratio, pytorch: theirs / nsPerPair },
  };
}

/** Bytes that a loss takes beside its embeddings. */
function peakOf(run: () => number): { loss: number; peakBytes: number } {
  const before = heap.liveBytes;
  heap.peakBytes = before;
  const loss = run();
  return { loss, peakBytes: heap.peakBytes - before };
}

async function* oneDevice(
  width: number,
  bars: Readonly<Record<Form, number>>,
  options: BenchOptions,
): AsyncGenerator<Row> {
  const runs = FORMS.map((form) => makeLoss(form, BATCH, width, alone));
  const peaks = runs.map(peakOf);
  const anchor = product();
  const [sigmoid, softmax, anchorSeconds] = contest([...runs, anchor.run], { leastRounds: ROUNDS, leastMs: LEAST_MS });
  anchor.release();
  for (const [i, form] of FORMS.entries()) {
    const { loss, peakBytes } = peaks[i];
    const seconds = [sigmoid, softmax][i];
    const gemm = (lossForms[form].operations * width * BATCH ** 2) / seconds / (anchor.flop / anchorSeconds);
    const ratio = form === "fused" ? { gemm } : { gemm, sigmoid: sigmoid / softmax };
    const row = await measured(form, { width, devices: 1, seconds, loss }, ratio, options);
    yield atLeast({ ...row, peakBytes }, { gemm: bars[form], ...(form === "fused" ? { pytorch: PYTORCH_BAR } : {}) });
  }
}

async function twoDevices(form: Form, width: number, options: BenchOptions): Promise<Row> {
  const file = threadFile("./lossDevice", import.meta.url);
  const job = { form, batch: BATCH, width, rounds: ROUNDS };
  const [{ alone: whole, together: seconds, loss }] = await launch<LossRounds, LossTimes>(file, 2, job).results;
  const row = await measured(form, { width, devices: 2, seconds, loss }, { "one device": whole / seconds }, options);
  const bar = { "one device": TWO_DEVICES_BAR, ...(form === "fused" ? { pytorch: PYTORCH_BAR } : {}) };
  return atLeast({ ...row, oneDeviceSeconds: whole }, bar);
}

export async function* lossBench(options: BenchOptions): AsyncGenerator<Row> {
  for (const [width, bars] of CASES) {
    yield* oneDevice(width, bars, options);
    for (const form of FORMS) yield await twoDevices(form, width, options);
  }
}
