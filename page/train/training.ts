/** The training of the page, step by step, on one device or several: the same code in a browser and in Node. */

import { newBatch } from "../../src/data/batches.ts";
import { pixelNeighbours } from "../../src/data/pixelNeighbours.ts";
import { retrieval, retrievalOfScores } from "../../src/eval/index.ts";
import { parametersOf } from "../../src/nn/index.ts";
import { alone, type Communicator } from "../../src/parallel/index.ts";
import { embedPictures, embedTexts } from "../../src/run/embed.ts";
import { type PairStepMetrics, trainStep } from "../../src/siglip/index.ts";
import type { Atlas } from "../atlas/atlas.ts";
import { sigmoid } from "../pairMath.ts";
import { galleriesOf, pairsOf, picturesOf, tokenizerOf, UNSEEN } from "./data.ts";
import type { Found } from "./messages.ts";
import { BATCH, factorOf, LENGTH, loss, newModel, newOptimizer, SHARDS, STEPS } from "./recipe.ts";

/** Recall at 1 on the unseen style. */
export interface Seen {
  readonly textToImage: number;
  readonly imageToText: number;
  /** Similarities of some texts, a row each, with the pictures of the same emoji. */
  readonly similarities: Float32Array;
}

/** A training that its caller takes step by step. */
export class PageTraining {
  /** Completed steps. */
  step = 0;
  /** Factor of the learning rate of t′. */
  rateOfT = 1;
  readonly model;
  readonly #atlas: Atlas;
  readonly #seed: number;
  readonly #comm: Communicator;
  readonly #tokenizer;
  readonly #optimizer;
  readonly #pairs;
  readonly #own;
  readonly #unseen;

  constructor(atlas: Atlas, seed: number, comm: Communicator = alone) {
    this.#atlas = atlas;
    this.#seed = seed;
    this.#comm = comm;
    this.#tokenizer = tokenizerOf(atlas);
    this.model = newModel(seed, this.#tokenizer.vocabSize);
    this.#optimizer = newOptimizer(this.model);
    this.#pairs = pairsOf(atlas, this.#tokenizer);
    this.#own = newBatch(BATCH / comm.size, this.#pairs);
    this.#unseen = picturesOf(atlas, UNSEEN);
  }

  get finished(): boolean {
    return this.step === STEPS;
  }

  set b(value: number) {
    this.model.b.value.data[0] = value;
  }

  /** Takes a step; returns its metrics from before the update. */
  advance(): PairStepMetrics {
    const { rank } = this.#comm;
    const batch = this.#pairs.batch(this.#seed, this.step, BATCH, this.#own, rank * this.#own.items.length);
    const factor = factorOf(this.step);
    const factors = (path: string): number => (path === "tPrime" ? factor * this.rateOfT : factor);
    const trainee = { model: this.model, optimizer: this.#optimizer, loss };
    const metrics = trainStep(trainee, batch, factors, { comm: this.#comm, shards: SHARDS });
    this.step++;
    return metrics;
  }

  /** Recall on the unseen style, and the similarities of the given emoji. Every device must call it. */
  evaluate(items: readonly number[]): Seen {
    const zimg = embedPictures(this.model, this.#unseen, this.#comm);
    const ztxt = embedTexts(this.model, this.#tokenizer, this.#atlas.names, LENGTH, this.#comm);
    const [{ textToImage, imageToText }] = retrieval(zimg, ztxt, this.#unseen.owner, [1]).recall;
    const similarities = Float32Array.from({ length: items.length ** 2 }, (_, k) =>
      dot(ztxt, items[Math.floor(k / items.length)], zimg, items[k % items.length], this.model.embedDim),
    );
    return { textToImage, imageToText, similarities };
  }

  /** Recall at 1 of the nearest pixels in the styles of training: picture → text, without learning. */
  byPixels(): number {
    const scores = pixelNeighbours(this.#unseen, galleriesOf(this.#atlas));
    return retrievalOfScores(scores, this.#unseen.owner, [1]).recall[0].imageToText;
  }

  /** The pictures of the unseen style whose embeddings fit the words best. Every device must call it. */
  search(words: string, count: number): Found[] {
    const zimg = embedPictures(this.model, this.#unseen, this.#comm);
    const ztxt = embedTexts(this.model, this.#tokenizer, [words], LENGTH, this.#comm);
    const [t, b] = [Math.exp(this.model.tPrime.value.item()), this.model.b.value.item()];
    return this.#atlas.names
      .map((_, item) => ({ item, probability: sigmoid(t * dot(ztxt, 0, zimg, item, this.model.embedDim) + b) }))
      .sort((one, other) => other.probability - one.probability)
      .slice(0, count);
  }

  /** SHA-256 of all weights. */
  async hash(): Promise<string> {
    const weights = [...parametersOf(this.model).values()].flatMap(({ value }) => [...value.data]);
    const digest = await crypto.subtle.digest("SHA-256", Float32Array.from(weights));
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

function dot(x: Float32Array, i: number, y: Float32Array, j: number, d: number): number {
  let sum = 0;
  for (let k = 0; k < d; k++) sum += x[i * d + k] * y[j * d + k];
  return sum;
}
