/**
 * SigLIP: an image tower, a text tower, a temperature and a bias (SigLIP Algorithm 1).
 *
 * The logit of a pair is t·⟨zimg, ztxt⟩ + b with unit embeddings and t = exp(t′).
 */
import { l2Normalize, type Variable } from "../autograd/index.ts";
import { filled, type Tap } from "../nn/index.ts";
import { type DType, portable, Rng, type Tensor } from "../tensor/index.ts";
import { checkModel, type SigLipConfig } from "./config.ts";
import { ImageTower } from "./imageTower.ts";
import { TextTower } from "./textTower.ts";

/** A SigLIP model: two towers, t′ and b. */
export class SigLip {
  readonly image: ImageTower;
  readonly text: TextTower;
  readonly tPrime: Variable; // []
  readonly b: Variable; // []
  readonly config: SigLipConfig;
  /** d, the width of an embedding. */
  readonly embedDim: number;

  /** Draws every parameter from `rng` by name. Throws `ModelConfigError` for an invalid configuration. */
  constructor(rng: Rng, config: SigLipConfig, dtype: DType = "f32") {
    if (!(rng instanceof Rng)) throw new TypeError("SigLip: the first argument must be an Rng, such as new Rng(0)");
    checkModel(config);
    this.config = config;
    this.embedDim = config.embedDim;
    this.image = new ImageTower(rng.split("image"), config.image, config.embedDim, dtype);
    this.text = new TextTower(rng.split("text"), config.text, config.embedDim, dtype);
    if (config.outputInit === "zero") for (const { encoder } of [this.image, this.text]) encoder.zeroOutputs();
    this.tPrime = filled([], portable.log(config.temperatureInit), dtype);
    this.b = filled([], config.biasInit, dtype);
  }

  /**
   * Unit embeddings [B, d] of images [B, H, W, 3]; in training with patch dropout, of the patches that each image keeps. `tap`
   * receives the intermediates by name, `unnormalized` the last.
   */
  embedImages(images: Tensor, kept?: Int32Array, tap?: Tap): Variable {
    const z = this.image.forward(images, tap, kept);
    tap?.("unnormalized", z);
    return l2Normalize(z);
  }

  /** Unit embeddings [B, d] of token ids, B rows of `length`. `tap` as in `embedImages`. */
  embedTexts(ids: Int32Array, tap?: Tap): Variable {
    const z = this.text.forward(ids, tap);
    tap?.("unnormalized", z);
    return l2Normalize(z);
  }
}
