/** Embeddings of many images or texts as plain arrays of unit rows; the devices share the work. */
import { noGrad } from "../autograd/index.ts";
import type { PictureSet } from "../data/index.ts";
import { NonFiniteError } from "../nn/index.ts";
import { alone, type Communicator } from "../parallel/index.ts";
import { type Classifier, embeddingBytes, type SigLip } from "../siglip/index.ts";
import { scope, type Tensor, tensor } from "../tensor/index.ts";
import { encodeAll, type Tokenizer } from "../tokenizers/index.ts";

/** A model as far as the size of its batches depends on it. */
interface Sized {
  readonly config: Parameters<typeof embeddingBytes>[0];
}

const MOST_ROWS = 256; // per batch: large enough for the kernels
const MOST_BYTES = 2 ** 28; // of intermediates per batch

/** Rows per batch: few enough that memory, and the time between two heartbeats, stay small for towers of any size. */
function batchRows({ config }: Sized): number {
  let rows = MOST_ROWS;
  while (rows > 1 && embeddingBytes(config, rows) > MOST_BYTES) rows /= 2;
  return rows;
}

/**
 * `count` rows of width d. Each device embeds every W-th batch, and all gather all rows; which device embeds a row changes
 * no bit of it. Throws `NonFiniteError` if an embedding is NaN or infinite.
 */
function inBatches(
  count: number,
  width: number,
  model: Sized,
  comm: Communicator,
  embed: (from: number, to: number) => Tensor,
): Float32Array {
  const most = batchRows(model);
  const out = new Float32Array(count * width);
  for (let round = 0; round * comm.size * most < count; round++) {
    scope(() => {
      const start = (rank: number): number => Math.min(count, (round * comm.size + rank) * most);
      const [from, to] = [start(comm.rank), start(comm.rank + 1)];
      const block = new Float32Array(most * width); // the same size on all ranks, even where no rows are left
      if (to > from) block.set(noGrad(() => embed(from, to)).data);
      const all = comm.allGather(tensor(block, [most, width])).data;
      for (let rank = 0; rank < comm.size; rank++) {
        const rows = start(rank + 1) - start(rank);
        const begin = rank * most * width;
        out.set(all.subarray(begin, begin + rows * width), start(rank) * width);
      }
    });
  }
  if (!out.every(Number.isFinite)) {
    throw new NonFiniteError(
      "embeddings of this model are not finite: its training diverged; train again with a lower optim.lr, weight decay or multiplier",
    );
  }
  return out;
}

/** What embeds images: a model, or an open one that reads its image tower when it is needed. */
type ImageModel = Pick<SigLip | Classifier, "config" | "embedDim" | "embedImages">;
/** What embeds texts. */
type TextModel = Pick<SigLip, "config" | "embedDim" | "embedTexts">;

/** Images to embed; see `PictureSet`. */
export interface Pictures extends Pick<PictureSet, "count" | "side" | "pixels"> {
  /** In pixels; by default they are squares. */
  readonly width?: number;
}

/** Images from..to−1, [to − from, side, width, 3]. */
const imagesBetween = ({ side, width = side, pixels }: Pictures, from: number, to: number): Tensor =>
  tensor(pixels(from, to), [to - from, side, width, 3]);

/** Embeds images → [count, d], rows of length 1. */
export function embedPictures(model: ImageModel, pictures: Pictures, comm = alone): Float32Array {
  return inBatches(
    pictures.count,
    model.embedDim,
    model,
    comm,
    (from, to) => model.embedImages(imagesBetween(pictures, from, to)).value,
  );
}

/** What the image tower gives before its head and normalization (big_vision `pre_logits`) → [count, repSize or D]. */
export function imageFeatures(model: SigLip | Classifier, pictures: Pictures, comm = alone): Float32Array {
  const { repSize, width } = model.config.image;
  return inBatches(pictures.count, repSize || width, model, comm, (from, to) => {
    let features: Tensor | undefined;
    model.image.forward(imagesBetween(pictures, from, to), (name, { value }) => {
      if (name === "preLogits") features = value;
    });
    return features!;
  });
}

/** The logits of images → [count, C]. */
export const classLogits = (model: Classifier, pictures: Pictures, comm = alone): Float32Array =>
  inBatches(
    pictures.count,
    model.config.classes,
    model,
    comm,
    (from, to) => model.logits(imagesBetween(pictures, from, to)).value,
  );

/** texts → [N, d], rows of length 1. */
export function embedTexts(
  model: TextModel,
  tokenizer: Tokenizer,
  texts: readonly string[],
  length: number,
  comm = alone,
): Float32Array {
  const ids = encodeAll(tokenizer, texts, length);
  return inBatches(
    texts.length,
    model.embedDim,
    model,
    comm,
    (from, to) => model.embedTexts(ids.slice(from * length, to * length)).value,
  );
}
