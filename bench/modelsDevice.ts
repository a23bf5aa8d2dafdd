/** A device of the models bench: embeds its images with an image tower that it reads, in turns with products of matrices. */
import { noGrad } from "../src/autograd/index.ts";
import { loadTower } from "../src/models/index.ts";
import { parametersOf } from "../src/nn/index.ts";
import { runDevice } from "../src/parallel/launch.ts";
import { abs, scope, sum, zeros } from "../src/tensor/index.ts";
import { flopOf, ourProduct } from "./gemm.ts";
import { product } from "./gemmCases.ts";
import { hashed } from "./hashed.ts";

export interface EmbedJob {
  readonly folder: string;
  /** Images of all devices together. */
  readonly batch: number;
  readonly rounds: number;
}

export interface EmbedTimes {
  /** Best seconds in which all devices embed the batch. */
  readonly seconds: number;
  /** Best GFLOP/s of this device at 512³, while all compute. */
  readonly productGflops: number;
  /** Σ|z| of this device's images, as the peers compute it. */
  readonly embedding: number;
}

const PRODUCTS = 8;

runDevice<EmbedJob, EmbedTimes>(({ comm, config: { folder, batch, rounds }, step }) => {
  const { tower, config } = loadTower(folder, "image");
  const side = config.image.imageSize as number;
  const drawn = [...parametersOf(tower).values()].filter(({ shape }) => shape.length > 1);
  const fill = hashed(
    drawn.reduce((count, { value }) => count + value.size, 0) + comm.rank * (batch / comm.size) * side * side * 3,
  );
  const images = zeros([batch / comm.size, side, side, 3]);
  fill(images, 2);
  const forward = () => noGrad(() => scope(() => sum(abs(tower.forward(images).value)).item()));
  const cube = product("NN", 512, 512, 512);
  const { run } = ourProduct(cube);
  const times = { seconds: Number.POSITIVE_INFINITY, products: Number.POSITIVE_INFINITY };
  const timed = (what: keyof typeof times, body: () => void): void => {
    comm.barrier();
    const start = performance.now();
    body();
    if (what === "seconds") comm.barrier();
    times[what] = Math.min(times[what], (performance.now() - start) / 1e3);
  };
  const embedding = forward();
  for (let round = 0; round < rounds; round++) {
    step(round);
    timed("seconds", forward);
    timed("products", () => {
      for (let i = 0; i < PRODUCTS; i++) run();
    });
  }
  return { seconds: times.seconds, productGflops: (PRODUCTS * flopOf(cube)) / times.products / 1e9, embedding };
});
