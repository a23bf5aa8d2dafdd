/** Released models in test/fixtures, and our numbers in the tensors of their layouts. */
import { fileURLToPath } from "node:url";
import { l2Normalize, type Variable } from "../../src/autograd/index.ts";
import type { Layout } from "../../src/models/layout.ts";
import { copyLink, linkSize } from "../../src/models/link.ts";
import { linksOf } from "../../src/models/table.ts";
import { parametersOf } from "../../src/nn/index.ts";
import { pairLogits, type SigLip, sigmoidLoss } from "../../src/siglip/index.ts";
import { type Tensor, tensor } from "../../src/tensor/index.ts";

/** The path of a fixture: `hf/tiny`. */
export const released = (path: string): string => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));

/** Embeddings, logits and loss of pairs, normalized without ε as PyTorch's libraries do. */
export function forwardPairs(model: SigLip, images: Tensor, ids: Int32Array) {
  const taps = new Map<string, readonly [Float32Array | Float64Array, readonly number[]]>();
  const tap =
    (tower: string) =>
    (name: string, { value }: Variable) => {
      taps.set(`${tower}/${name}`, [value.toArray(), value.shape]);
    };
  const rawImage = model.image.forward(images, tap("image"));
  const rawText = model.text.forward(ids, tap("text"));
  const [zimg, ztxt] = [l2Normalize(rawImage, 0), l2Normalize(rawText, 0)];
  const logits = pairLogits(zimg, ztxt, model.tPrime, model.b);
  const loss = sigmoidLoss(zimg, ztxt, model.tPrime, model.b);
  const tapped = (name: string): Tensor => {
    const [values, shape] = taps.get(name)!;
    return tensor(values, shape, images.dtype);
  };
  return { rawImage, rawText, zimg, ztxt, logits, loss, tapped };
}

/** Gradients of all parameters, as the tensors of a layout. */
export function gradientsIn(layout: Layout, model: SigLip): Map<string, Tensor> {
  const parameters = parametersOf(model);
  const { links } = linksOf(
    layout.table(model.config, parameters.keys()),
    new Map([...parameters].map(([path, { shape }]) => [path, shape])),
  );
  const dtype = model.tPrime.value.dtype;
  const out = new Map<string, { readonly shape: readonly number[]; readonly numbers: Float64Array }>();
  for (const link of links) {
    const { name, shape, start, path } = link;
    const held = out.get(name) ?? { shape, numbers: new Float64Array(shape.reduce((a, b) => a * b, 1)) };
    out.set(name, held);
    const gradient = parameters.get(path)!.grad as Tensor;
    copyLink(link, "write", gradient.data as Float64Array, held.numbers.subarray(start, start + linkSize(link)));
  }
  return new Map([...out].map(([name, { shape, numbers }]) => [name, tensor(numbers, shape, dtype)]));
}
