/** SigLIP on one screen: drawings and their captions, two towers, the sigmoid loss, AdamW. About 10 seconds. */
import { backward } from "../src/autograd/index.ts";
import { byteTokenizer, shapes } from "../src/data/index.ts";
import { AdamW, parametersOf } from "../src/nn/index.ts";
import { logOddsBias, SigLip, sigmoidLoss } from "../src/siglip/index.ts";
import { Rng, scope, tensor } from "../src/tensor/index.ts";

const [batch, side, length, steps] = [32, 24, 56, 300];
const pairs = shapes({ tokenizer: byteTokenizer, length, side });
const tower = { width: 64, depth: 1, mlpDim: 256, numHeads: 4 };
const model = new SigLip(new Rng(0), {
  image: { ...tower, imageSize: side, patchSize: 8, pooling: "map", posEmb: "learn" },
  text: { ...tower, vocabSize: byteTokenizer.vocabSize, length, pooling: "map" },
  embedDim: 64,
  temperatureInit: 10, // t = exp(t′)
  biasInit: logOddsBias(batch), // b = −ln(B − 1)
});
const optimizer = new AdamW(parametersOf(model), { lr: 2e-3, clipNorm: 1 });

for (let step = 0; step <= steps; step++) {
  const { pixels, tokens } = pairs.batch(0, step, batch);
  scope(() => {
    const zimg = model.embedImages(tensor(pixels, [batch, side, side, 3])); // [B, d]
    const ztxt = model.embedTexts(tokens); // [B, d]
    const loss = sigmoidLoss(zimg, ztxt, model.tPrime, model.b); // []
    backward(loss);
    optimizer.step(1);
    if (step % 50 === 0) console.log(`step ${step}  loss ${loss.value.item().toFixed(3)}`);
  });
}
