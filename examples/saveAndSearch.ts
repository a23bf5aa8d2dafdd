/** Train for ten seconds, save the model, open it again, and find the drawing that a sentence describes. */
import "siglip-ts/engine";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noGrad } from "siglip-ts/autograd";
import { shapePictures, shapes } from "siglip-ts/data";
import { nearest, retrieval } from "siglip-ts/eval";
import { loadModel, saveModel } from "siglip-ts/models";
import { AdamW, parametersOf } from "siglip-ts/nn";
import { loadTokenizer } from "siglip-ts/run";
import { logOddsBias, SigLip, train, trainingLosses } from "siglip-ts/siglip";
import { Rng, scope, tensor } from "siglip-ts/tensor";
import { byteTokenizer, encodeAll } from "siglip-ts/tokenizers";

const [batch, side, length] = [32, 24, 56];
const tower = { width: 64, depth: 1, mlpDim: 256, numHeads: 4, pooling: "map" } as const;
const model = new SigLip(new Rng(0), {
  image: { ...tower, imageSize: side, patchSize: 8, posEmb: "learn" },
  text: { ...tower, vocabSize: byteTokenizer.vocabSize, length },
  embedDim: 64,
  temperatureInit: 10,
  biasInit: logOddsBias(batch),
});
const pairs = shapes({ tokenizer: byteTokenizer, length, side });
const batchOf = (step: number) => pairs.batch(0, step, batch);
const optimizer = new AdamW(parametersOf(model), { lr: 2e-3, clipNorm: 1 });
for (const { step, loss } of train({ model, optimizer, loss: trainingLosses.sigmoid, batchOf, steps: 600 })) {
  if (step % 200 === 0) console.log(`step ${step}  loss ${loss.toFixed(2)}`);
}

const folder = join(mkdtempSync(join(tmpdir(), "siglip-")), "model");
saveModel(model, folder, "siglip-ts", { tokenizer: byteTokenizer });
const { model: loaded } = loadModel(folder);
const tokenizer = loadTokenizer(folder);

// 200 new drawings: which of them does a sentence describe?
const gallery = shapePictures("train", 200, 1, side);
const [zimg, ztxt] = scope(() =>
  noGrad(() => [
    Float32Array.from(loaded.embedImages(tensor(gallery.pixels(), [gallery.count, side, side, 3])).value.data),
    Float32Array.from(loaded.embedTexts(encodeAll(tokenizer, gallery.texts, length)).value.data),
  ]),
);
const [{ k, textToImage }] = retrieval(zimg, ztxt, gallery.owner, [5]).recall;
console.log(`among the best ${k} of 200: ${Math.round(100 * textToImage)} %, by chance 2.5 %`);

const query = 0;
console.log(`"${gallery.texts[query]}" finds`);
for (const { index, score } of nearest(ztxt.subarray(query * 64, (query + 1) * 64), zimg, 3)) {
  console.log(`  ${score.toFixed(2)}  ${gallery.texts[index]}`);
}
