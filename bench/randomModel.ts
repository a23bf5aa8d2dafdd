/**
 * Writes B/16 models with random weights in the layouts of the released ones: 203 million parameters, 813 MB.
 *
 *     node bench/randomModel.ts FOLDER [hugging-face|big-vision|open-clip] [vocabulary]    256000 rows: SigLIP 2, 1.5 GB
 */
import "../src/engine.ts";
import { type LayoutName, saveModel } from "../src/models/index.ts";
import { SIZES, SigLip, type SigLipConfig } from "../src/siglip/index.ts";
import { Rng } from "../src/tensor/index.ts";
import { withHashedWeights } from "./hashed.ts";

/** SigLIP B/16 of 224 × 224 pixels. */
export const b16 = (vocabSize = 32_000): SigLipConfig => ({
  image: { ...SIZES.B, imageSize: 224, patchSize: 16, pooling: "map", posEmb: "learn" },
  text: { ...SIZES.B, vocabSize, length: 64, pooling: "last" },
  embedDim: SIZES.B.width,
  temperatureInit: 10,
  biasInit: -10,
});

const [folder, layout = "hugging-face", vocabulary] = process.argv.slice(2);
if (import.meta.main) {
  const model = withHashedWeights(
    () => new SigLip(new Rng(0), b16(vocabulary === undefined ? undefined : Number(vocabulary))),
  );
  saveModel(model, folder, layout as LayoutName);
}
