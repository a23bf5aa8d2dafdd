/**
 * Faulty memory in an unmodified program: started with `--import flipBit.ts?rank=1&step=7&name=model/b&bit=3`,
 * that device has one bit of one tensor flipped after that many updates. The name is that of the
 * tensor in a checkpoint; its first number is changed.
 */
import { isMainThread, workerData } from "node:worker_threads";
import type { Tensor } from "../../src/tensor/index.ts";

const wanted = new URL(import.meta.url).searchParams;
const name = wanted.get("name") as string;

if (!isMainThread && String((workerData as { rank?: number })?.rank) === wanted.get("rank")) {
  const { AdamW, parametersOf } = await import("../../src/nn/index.ts");
  const { SigLip } = await import("../../src/siglip/index.ts");
  let model: object = {};
  const { embedImages } = SigLip.prototype;
  SigLip.prototype.embedImages = function (...pixels) {
    model = this;
    return embedImages.apply(this, pixels);
  };
  let updates = 0;
  const { step } = AdamW.prototype;
  AdamW.prototype.step = function (...factor) {
    const norm = step.apply(this, factor);
    if (++updates === Number(wanted.get("step"))) {
      const parameters = [...parametersOf(model)].map(
        ([path, { value }]) => [`model/${path}`, value] as [string, Tensor],
      );
      const moments = [...this.state()].map(([path, value]) => [`optimizer/${path}`, value] as [string, Tensor]);
      const { data } = new Map([...parameters, ...moments]).get(name) as Tensor;
      new Int32Array(data.buffer, data.byteOffset, 1)[0] ^= 1 << Number(wanted.get("bit"));
    }
    return norm;
  };
}

/** Arguments of Node. */
export const flipping = (rank: number, step: number, name: string, bit: number): string[] => [
  "--import",
  `${import.meta.url}?${new URLSearchParams({ rank: `${rank}`, step: `${step}`, name, bit: `${bit}` })}`,
];
