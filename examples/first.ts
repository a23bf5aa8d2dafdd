/** SigLIP on one screen: scenes and their captions, two towers, the sigmoid loss, AdamW. */
import "siglip-ts/engine"; // first: makes the kernels about twice as fast
import { backward } from "siglip-ts/autograd";
import { shapes } from "siglip-ts/data";
import { AdamW, parametersOf } from "siglip-ts/nn";
import { logOddsBias, SigLip, sigmoidLoss } from "siglip-ts/siglip";
import { Rng, scope, tensor } from "siglip-ts/tensor";
import { byteTokenizer } from "siglip-ts/tokenizers";

const [batch, side, length, steps] = [32, 24, 56, 200];
const pairs = shapes({ tokenizer: byteTokenizer, length, side }); // "a small red circle above a large blue square"
const tower = { width: 64, depth: 1, mlpDim: 256, numHeads: 4, pooling: "map" } as const;
const model = new SigLip(new Rng(0), {
  image: { ...tower, imageSize: side, patchSize: 8, posEmb: "learn" },
  text: { ...tower, vocabSize: byteTokenizer.vocabSize, length },
  embedDim: 64,
  temperatureInit: 10, // t = exp(t′)
  biasInit: logOddsBias(batch), // b = −ln(batch − 1)
});
const optimizer = new AdamW(parametersOf(model), { lr: 2e-3, clipNorm: 1 });

for (let step = 0; step <= steps; step++) {
  const { images, tokens } = pairs.batch(0, step, batch);
  // A step is one scope, which frees its allocations at its end.
  scope(() => {
    const zimg = model.embedImages(tensor(images, [batch, side, side, 3])); // [B, d]
    const ztxt = model.embedTexts(tokens); // [B, d]
    const loss = sigmoidLoss(zimg, ztxt, model.tPrime, model.b); // []
    backward(loss); // fills the gradient of every parameter
    optimizer.step(1); // updates the parameters, clears the gradients
    if (step % 50 === 0) console.log(`step ${step}  loss ${loss.value.item().toFixed(2)}`);
  });
}
