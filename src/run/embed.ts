/** Embeddings of many pictures or texts as plain arrays of unit rows, the work divided among the devices. */
import { noGrad } from "../autograd/index.ts";
import { encodeAll, type Tokenizer } from "../data/index.ts";
import { NonFiniteError } from "../nn/index.ts";
import { alone, type Communicator } from "../parallel/index.ts";
import { embeddingBytes, type SigLip } from "../siglip/index.ts";
import { scope, type Tensor, tensor } from "../tensor/index.ts";

const MOST_ROWS = 256; // in a batch: large enough for the kernels
const MOST_BYTES = 2 ** 28; // of what the towers make of a batch

/** Rows of a batch: as many as keep memory, and the time until others hear of this device, small for towers of any size. */
function batchRows({ config }: SigLip): number {
  let rows = MOST_ROWS;
  while (rows > 1 && embeddingBytes(config, rows) > MOST_BYTES) rows /= 2;
  return rows;
}

/**
 * `count` rows of width d. Every device embeds the batches whose number is its rank modulo their number, and all get all:
 * which device embeds a row changes no bit of it. Throws `NonFiniteError` when the model's parameters are too large for them.
 */
function inBatches(
  count: number,
  model: SigLip,
  comm: Communicator,
  embed: (from: number, to: number) => Tensor,
): Float32Array {
  const width = model.embedDim;
  const most = batchRows(model);
  const out = new Float32Array(count * width);
  for (let round = 0; round * comm.size * most < count; round++) {
    scope(() => {
      const start = (rank: number): number => Math.min(count, (round * comm.size + rank) * most);
      const [from, to] = [start(comm.rank), start(comm.rank + 1)];
      const block = new Float32Array(most * width); // of one length for all, also where rows have run out
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

/** pixels [N, side, side, 3] → [N, d], rows of length 1. */
export function embedPictures(model: SigLip, pixels: Float32Array, side: number, comm = alone): Float32Array {
  const stride = side * side * 3;
  return inBatches(pixels.length / stride, model, comm, (from, to) => {
    const images = tensor(pixels.subarray(from * stride, to * stride), [to - from, side, side, 3]);
    return model.embedImages(images).value;
  });
}

/** texts → [N, d], rows of length 1. */
export function embedTexts(
  model: SigLip,
  tokenizer: Tokenizer,
  texts: readonly string[],
  length: number,
  comm = alone,
): Float32Array {
  const ids = encodeAll(tokenizer, texts, length);
  return inBatches(
    texts.length,
    model,
    comm,
    (from, to) => model.embedTexts(ids.slice(from * length, to * length)).value,
  );
}
