/** Embeddings of many pictures or texts, a batch at a time, as plain arrays of unit rows. */
import { noGrad } from "../autograd/index.ts";
import { encodeAll, type Tokenizer } from "../data/index.ts";
import type { SigLip } from "../siglip/index.ts";
import { scope, tensor } from "../tensor/index.ts";

const ROWS = 256; // a batch: large enough for the kernels, small enough for the memory

function inBatches(rows: number, embed: (from: number, to: number) => ArrayLike<number>): Float32Array {
  let out = new Float32Array(0);
  for (let from = 0; from < rows; from += ROWS) {
    const to = Math.min(rows, from + ROWS);
    const part = embed(from, to);
    const width = part.length / (to - from);
    if (from === 0) out = new Float32Array(rows * width);
    out.set(part, from * width);
  }
  return out;
}

/** pixels [N, side, side, 3] → [N, d], rows of length 1. */
export function embedPictures(model: SigLip, pixels: Float32Array, side: number): Float32Array {
  const stride = side * side * 3;
  return inBatches(pixels.length / stride, (from, to) =>
    scope(() =>
      noGrad(() => {
        const images = tensor(pixels.subarray(from * stride, to * stride), [to - from, side, side, 3]);
        return model.embedImages(images).value.toArray();
      }),
    ),
  );
}

/** texts → [N, d], rows of length 1. */
export function embedTexts(
  model: SigLip,
  tokenizer: Tokenizer,
  texts: readonly string[],
  length: number,
): Float32Array {
  const ids = encodeAll(tokenizer, texts, length);
  return inBatches(texts.length, (from, to) =>
    scope(() => noGrad(() => model.embedTexts(ids.slice(from * length, to * length)).value.toArray())),
  );
}
