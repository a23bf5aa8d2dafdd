/**
 * Forward pass of a ViT-B/16 on 8 images of 224×224: the image tower of SigLIP B/16, including attention pooling.
 *
 * Weights and pixels are a hash of their number (peers/vit-b16.py computes the same), so Σ|embedding| shows that
 * PyTorch did the same work. One thread; compared with our rate at 512³ and with PyTorch.
 */
import { noGrad } from "../src/autograd/index.ts";
import { ImageTower, SIZES } from "../src/siglip/index.ts";
import { abs, Rng, scope, sum, type Tensor, zeros } from "../src/tensor/index.ts";
import { contest } from "./contest.ts";
import { flopOf, ourProduct } from "./gemm.ts";
import { product } from "./gemmCases.ts";
import { hashed, withHashedWeights } from "./hashed.ts";
import { pythonPeer, secondsOf } from "./peer.ts";
import { atLeast, type BenchOptions, type Row } from "./row.ts";

const { width: D, depth, mlpDim: M } = SIZES.B;
const [BATCH, SIDE, PATCH, CHANNELS] = [8, 224, 16, 3];
const TOKENS = (SIDE / PATCH) ** 2;
const ROUNDS = 5;
const BAR = { "512³": 0.85, pytorch: 1 };

/**
 * Multiplications and additions of all products for a batch of images; the pooling head has one query, and the MLP after it one row per
 * image.
 */
export const flopOfB16 = (batch: number): number =>
  2 * batch * TOKENS * PATCH ** 2 * CHANNELS * D +
  depth * batch * (2 * TOKENS * D * (4 * D + 2 * M) + 4 * TOKENS ** 2 * D) +
  batch * (2 * TOKENS * D * 2 * D + 4 * TOKENS * D + 2 * D * (D + 2 * M)) +
  2 * D * D;
const FLOP = flopOfB16(BATCH);

/** The tower and its images; kernels are scaled to keep the variance of their inputs. */
function makeForward(): () => Tensor {
  const config = { imageSize: SIDE, patchSize: PATCH, ...SIZES.B, pooling: "map", posEmb: "learn" } as const;
  const fill = hashed();
  const tower = withHashedWeights(() => new ImageTower(new Rng(1), config, D, "f32"), fill);
  const images = zeros([BATCH, SIDE, SIDE, CHANNELS]);
  fill(images, 2);
  return () => noGrad(() => scope(() => tower.forward(images).value));
}

async function torchSeconds({ python }: BenchOptions, embedding: number): Promise<number | undefined> {
  const script = "vit-b16.py";
  return secondsOf(script, { embedding }, await pythonPeer(python, { script, args: [ROUNDS, BATCH, 1] }));
}

export async function* vitB16Bench(options: BenchOptions): AsyncGenerator<Row> {
  const forward = makeForward();
  const embedding = scope(() => sum(abs(forward())).item());
  const cube = product("NN", 512, 512, 512);
  const large = ourProduct(cube);
  const [seconds, cubeSeconds] = contest([() => scope(() => void forward()), large.run], { leastRounds: ROUNDS });
  large.release();
  const gflops = FLOP / seconds / 1e9;
  const torch = await torchSeconds(options, embedding);
  const ratio = {
    "512³": gflops / (flopOf(cube) / cubeSeconds / 1e9),
    ...(torch === undefined ? {} : { pytorch: torch / seconds }),
  };
  const name = `ViT-B/16 forward, ${BATCH} pictures`;
  yield atLeast({ bench: "vit-b16", case: name, seconds, gflop: FLOP / 1e9, gflops, embedding, ratio }, BAR);
}
