/**
 * One training step (forward and backward) of the small ViT in vit.ts, next to its own matrix products alone and to other
 * libraries on the same work; then the same step on two devices, half the batch each.
 */
import { join } from "node:path";
import { launch, threadFile } from "../src/parallel/launch.ts";
import { contest } from "./contest.ts";
import { bestSeconds, outputOf } from "./peer.ts";
import { flopOfProducts, productsOf, replay } from "./products.ts";
import { profile } from "./profile.ts";
import { atLeast, type BenchOptions, type Row } from "./row.ts";
import type { StepTimes } from "./stepDevice.ts";
import { makeStep, VIT_FLOP } from "./vit.ts";

const BAR = { products: 1 / 1.3, "jax-js": 4, "tfjs-wasm": 20, pytorch: 1 };
const TWO_DEVICES_BAR = { "one device": 1.85, pytorch: 1 };
const ROUNDS = 8;

/** Best seconds a step that jax-js or TensorFlow.js prints; the first includes compilation. */
function bestLater(output: string | undefined): number | undefined {
  const times = [...(output ?? "").matchAll(/fwd\+bwd (\d+) ms/g)].map(([, ms]) => Number(ms) / 1e3);
  return times.length > 1 ? Math.min(...times.slice(1)) : undefined;
}

type Seconds = Readonly<Record<string, number | undefined>>;

/** Seconds a step of every library that is installed. */
async function peerSeconds({ peers, python }: BenchOptions): Promise<Seconds> {
  if (peers === undefined) return {};
  const node = (file: string, args: string[], needs: string) =>
    outputOf({ program: process.execPath, file: join(peers, file), args, needs: join(peers, "node_modules", needs) });
  return {
    "jax-js": bestLater(await node("vit-jax.mjs", ["5"], "@jax-js/jax")),
    "tfjs-wasm": bestLater(await node("vit-tfjs.mjs", ["wasm", "2"], "@tensorflow/tfjs")), // 20 s a step
    pytorch: await torchSeconds({ peers, python }, 1),
  };
}

async function torchSeconds({ peers, python }: BenchOptions, threads: number): Promise<number | undefined> {
  if (peers === undefined) return undefined;
  const args = ["8", "64", String(threads)];
  return bestSeconds(await outputOf({ program: python, file: join(peers, "vit-torch.py"), args }));
}

const ratios = (ours: number, theirs: Seconds): Record<string, number> =>
  Object.fromEntries(Object.entries(theirs).flatMap(([name, s]) => (s === undefined ? [] : [[name, s / ours]])));

async function oneDevice(step: ReturnType<typeof makeStep>, options: BenchOptions): Promise<Row> {
  const { loss, gradient } = step();
  const products = productsOf(step);
  const alone = replay(products);
  const [seconds, productSeconds] = contest([step, alone.run], {
    leastRounds: ROUNDS,
    // Products alone that take longer than the step were disturbed.
    enough: ([whole, parts]) => parts / whole >= BAR.products && parts <= whole,
    mostMs: 15_000,
  });
  alone.release();
  const ratio = ratios(seconds, { products: productSeconds, ...(await peerSeconds(options)) });
  const figures = { seconds, gflops: VIT_FLOP / seconds / 1e9, productSeconds };
  const productGflops = flopOfProducts(products) / productSeconds / 1e9;
  return atLeast({ bench: "step", case: "vit 46.1 GFLOP", ...figures, productGflops, loss, gradient, ratio }, BAR);
}

async function twoDevices(options: BenchOptions): Promise<Row> {
  const file = threadFile("./stepDevice", import.meta.url);
  const shares = await launch<{ rounds: number }, StepTimes>(file, 2, { rounds: ROUNDS }).results;
  const [{ alone, together: seconds, gradient }] = shares;
  const loss = shares.reduce((sum, share) => sum + share.loss, 0);
  const ratio = ratios(seconds, { "one device": alone, pytorch: await torchSeconds(options, 2) });
  const figures = { seconds, gflops: VIT_FLOP / seconds / 1e9, oneDeviceSeconds: alone };
  return atLeast({ bench: "step", case: "vit, two devices", ...figures, loss, gradient, ratio }, TWO_DEVICES_BAR);
}

export async function* stepBench(options: BenchOptions): AsyncGenerator<Row> {
  const step = makeStep();
  yield await oneDevice(step, options);
  yield await twoDevices(options);
  if (options.profile) yield* profile("step", step);
}
