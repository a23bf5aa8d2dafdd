/**
 * A small training with one loss: images are layers over pixels, texts are learned rows, one for each emoji. The same seed starts with
 * the same weights and draws the same batches, whatever the loss.
 */
import { backward, gather, gelu, l2Normalize, linear, noGrad, parameter, type Variable } from "../../src/autograd/index.ts"; // biome-ignore format: a line
import { itemsOfStep, rowsOfStep } from "../../src/data/batches.ts";
import { retrieval } from "../../src/eval/index.ts";
import { AdamW, schedule } from "../../src/nn/index.ts";
import { logOddsBias } from "../../src/siglip/index.ts";
import { full, generate, Rng, scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { type Atlas, CELL } from "../atlas/atlas.ts";
import { picturesOf, UNSEEN } from "../train/data.ts";
import { LOSSES } from "./losses.ts";
import { BATCH, type LossName, STEPS, T_INIT } from "./state.ts";

const TRAINED = [0, 1, 2]; // styles
const PIXELS = CELL * CELL * 3;
const [HIDDEN, WIDTH] = [128, 32];

const factorOf = schedule({ kind: "cosine", total: STEPS, warmup: STEPS / 10 });

/** Where b starts. */
const biasOf = (loss: LossName): number => (loss === "biasZero" ? 0 : logOddsBias(BATCH));

/** Whether the loss reads b; without a gradient it must not be in the optimizer. */
const usesBias = (loss: LossName): boolean => loss !== "noBias" && loss !== "softmax";

function newParameters(seed: number, loss: LossName, count: number): Record<string, Variable> {
  const random = (name: string, rows: number, columns: number): Variable => {
    const rng = new Rng(seed).split(name);
    return parameter(generate([rows, columns], () => rng.normal() / Math.sqrt(rows)));
  };
  return {
    hidden: random("hidden", PIXELS, HIDDEN),
    out: random("out", HIDDEN, WIDTH),
    texts: random("texts", count, WIDTH),
    tPrime: parameter(full([], Math.log(T_INIT))),
    ...(usesBias(loss) ? { b: parameter(full([], biasOf(loss))) } : {}),
  };
}

/** What a step shows, from before its update. */
export interface Metrics {
  readonly loss: number;
  readonly t: number;
  /** NaN for a loss without a bias. */
  readonly b: number;
}

/** A training that its caller takes step by step. */
export class FaultTraining {
  /** Completed steps. */
  step = 0;
  readonly #loss: LossName;
  readonly #seed: number;
  readonly #count: number;
  readonly #parameters: Record<string, Variable>;
  readonly #optimizer: AdamW;
  readonly #styles: readonly Float32Array[];
  readonly #unseen: Float32Array;
  readonly #itemsOf;

  constructor(atlas: Atlas, loss: LossName, seed: number) {
    const count = atlas.names.length;
    this.#loss = loss;
    this.#seed = seed;
    this.#count = count;
    this.#itemsOf = itemsOfStep(count);
    const pixelsOf = (style: number): Float32Array => picturesOf(atlas, style).pixels(0, count);
    this.#styles = TRAINED.map(pixelsOf);
    this.#unseen = pixelsOf(UNSEEN);
    this.#parameters = newParameters(seed, loss, count);
    this.#optimizer = new AdamW(new Map(Object.entries(this.#parameters)), {
      lr: 5e-3,
      weightDecay: 1e-4,
      clipNorm: 1,
      decayed: "hidden|out|texts",
      multipliers: [{ match: "tPrime|b", lr: 3, decay: 0 }],
    });
  }

  #images(pixels: Tensor): Variable {
    const { hidden, out } = this.#parameters;
    return l2Normalize(linear(gelu(linear(pixels, hidden)), out));
  }

  /** Takes a step. */
  advance(): Metrics {
    const rngOf = rowsOfStep(this.#seed, this.step);
    const items = this.#itemsOf(this.#seed, this.step, BATCH);
    const images = new Float32Array(BATCH * PIXELS);
    items.forEach((item, i) => {
      const style = this.#styles[Math.floor(rngOf(i).uniform() * TRAINED.length)];
      images.set(style.subarray(item * PIXELS, (item + 1) * PIXELS), i * PIXELS);
    });
    const { texts, tPrime, b } = this.#parameters;
    return scope(() => {
      const x = this.#images(tensor(images, [BATCH, PIXELS]));
      const y = l2Normalize(gather(texts, Int32Array.from(items)));
      const loss = LOSSES[this.#loss]({ x, y, tPrime, b });
      const t = this.#loss === "rawT" ? tPrime.value.item() : Math.exp(tPrime.value.item());
      const metrics = { loss: loss.value.item(), t, b: b?.value.item() ?? Number.NaN };
      backward(loss);
      this.#optimizer.step(factorOf(this.step));
      this.step++;
      return metrics;
    });
  }

  /** Recall at 1, picture → text, in the style that it does not train on. */
  recall(): number {
    const rows = (of: () => Variable): Float32Array => scope(() => noGrad(() => of().value.toArray() as Float32Array));
    const x = rows(() => this.#images(tensor(this.#unseen, [this.#count, PIXELS])));
    const y = rows(() => l2Normalize(this.#parameters.texts));
    const owner = Int32Array.from({ length: this.#count }, (_, i) => i);
    return retrieval(x, y, owner, [1]).recall[0].imageToText;
  }
}
