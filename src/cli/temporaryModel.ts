import { readPicture } from "../data/index.ts";
import { meaningOf, openModel as open, sha256, trims } from "../run/index.ts";

export function openModel(path: string, warn: (message: string) => void) {
  const { config, model, tokenizer } = open(path, warn);
  const prepare = { side: config.model.image.imageSize, trim: trims(config) };
  return {
    path,
    model,
    tokenizer,
    textLength: config.tokenizer.length,
    run: config,
    t: Math.exp(model.tPrime.value.item()),
    b: model.b.value.item(),
    embedDim: model.embedDim,
    pictures: { height: prepare.side, width: prepare.side, read: (file: string) => readPicture(file, prepare) },
    meaning: (scores: readonly number[]) => meaningOf(config, model, scores),
    fingerprint: sha256(JSON.stringify([config.model, config.data, Array.from(model.tPrime.value.data)])),
  };
}
