/**
 * One training step (forward and backward) of the small ViT in vit.ts, compared with its matrix products alone and with
 * other libraries on the same work; then the same step on two devices, half the batch each.
 */
import { launch, threadFile } from "../src/parallel/launch.ts";
import { contest } from "./contest.ts";
import { nodePeer, pythonPeer, secondsOf } from "./peer.ts";
import { flopOfProducts, productsOf, replay } from "./products.ts";
import { profile } from "./profile.ts";
import { atLeast, type BenchOptions, type Row } from "./row.ts";
import type { StepTimes } from "./stepDevice.ts";
import { makeStep, VIT_FLOP } from "./vit.ts";

const BAR = { products: 1 / 1.3, "jax-js": 4, "tfjs-wasm": 20, pytorch: 1 };
const TWO_DEVICES_BAR = { "one device": 1.85, pytorch: 1 };
const ROUNDS = 8;

type Seconds = Readonly<Record<string, number | undefined>>;
/** The results that all libraries must agree on. */
type Computed = Readonly<Record<"loss" | "gradient", number>>;

/** Seconds a step of every library that is installed. */
async function peerSeconds(options: BenchOptions, computed: Computed): Promise<Seconds> {
  const onNode = async (script: string, needs: string, steps: number) =>
    secondsOf(script, computed, await nodePeer(options.peers, needs, { script, args: [steps] }));
  return {
    "jax-js": await onNode("vit-jax.mjs", "@jax-js/jax", 5),
    "tfjs-wasm": await onNode("vit-tfjs.mjs", "@tensorflow/tfjs-backend-wasm", 2), // 20 s a step
    pytorch: await torchSeconds(options, computed, 1),
  };
}

async function torchSeconds(
  { python }: BenchOptions,
  computed: Computed,
  threads: number,
): Promise<number | undefined> {
  const script = "vit-torch.py";
  return secondsOf(script, computed, await pythonPeer(python, { script, args: [ROUNDS, threads] }));
}

const ratios = (ours: number, theirs: Seconds): Record<string, number> =>
  Object.fromEntries(Object.entries(theirs).flatMap(([name, s]) => (s === undefined ? [] : [[name, s / ours]])));

async function oneDevice(step: ReturnType<typeof makeStep>, options: BenchOptions): Promise<Row> {
  const { loss, gradient } = step();
  const products = productsOf(step);
  const alone = replay(products);
  const [seconds, productSeconds] = contest([step, alone.run], {
    leastRounds: ROUNDS,
    // If the products alone take longer than the step, the measurement was disturbed.
    enough: ([whole, parts]) => parts / whole >= BAR.products && parts <= whole,
    mostMs: 15_000,
  });
  alone.release();
  const ratio = ratios(seconds, { products: productSeconds, ...(await peerSeconds(options, { loss, gradient })) });
  const figures = { seconds, gflops: VIT_FLOP / seconds / 1e9, productSeconds };
  const productGflops = flopOfProducts(products) / productSeconds / 1e9;
  return atLeast({ bench: "step", case: "vit 46.1 GFLOP", ...figures, productGflops, loss, gradient, ratio }, BAR);
}

async function twoDevices(options: BenchOptions): Promise<Row> {
  const file = threadFile("./stepDevice", import.meta.url);
  const shares = await launch<{ rounds: number }, StepTimes>(file, 2, { rounds: ROUNDS }).results;
  const [{ alone, together: seconds, gradient }] = shares;
  const loss = shares.reduce((sum, share) => sum + share.loss, 0);
  const ratio = ratios(seconds, { "one device": alone, pytorch: await torchSeconds(options, { loss, gradient }, 2) });
  const figures = { seconds, gflops: VIT_FLOP / seconds / 1e9, oneDeviceSeconds: alone };
  return atLeast({ bench: "step", case: "vit, two devices", ...figures, loss, gradient, ratio }, TWO_DEVICES_BAR);
}

export async function* stepBench(options: BenchOptions): AsyncGenerator<Row> {
  const step = makeStep();
  yield await oneDevice(step, options);
  yield await twoDevices(options);
  if (options.profile) yield* profile("step", step);
}
