/**
 * A classifier: an image tower with a linear head on its embedding, to pre-train the tower on classes (LiT; SigLIP section 4.1
 * locks a tower that was trained so). A SigLIP with the same tower takes its weights.
 *
 *   ℓ = z·W + c      z [B, d], the embedding before normalization      ℓ [B, C], a logit for each class
 */
import { l2Normalize, type Variable } from "../autograd/index.ts";
import { filled, Linear, type Tap } from "../nn/index.ts";
import type { DType, Rng, Tensor } from "../tensor/index.ts";
import { checkClassifier, type SigLipConfig } from "./config.ts";
import { ImageTower } from "./imageTower.ts";

/** Configuration of a classifier. */
export interface ClassifierConfig extends Pick<SigLipConfig, "image" | "embedDim" | "outputInit"> {
  /** C, the number of classes. */
  readonly classes: number;
  /** Initial bias of every class. */
  readonly biasInit: number;
}

/** An image tower with a linear head. */
export class Classifier {
  readonly image: ImageTower;
  /** W starts at 0, as in big_vision, so that all images have the same logits at first. */
  readonly head: Linear; // W [d, C], c [C]
  readonly config: ClassifierConfig;
  /** d, the width of an embedding. */
  readonly embedDim: number;

  /** Draws the tower from `rng` as a SigLIP does. Throws `ModelConfigError` for an invalid configuration. */
  constructor(rng: Rng, config: ClassifierConfig, dtype: DType = "f32") {
    checkClassifier(config);
    const { image, embedDim, classes, biasInit } = config;
    this.config = config;
    this.embedDim = embedDim;
    this.image = new ImageTower(rng.split("image"), image, embedDim, dtype);
    if (config.outputInit === "zero") this.image.encoder.zeroOutputs();
    this.head = new Linear(filled([embedDim, classes], 0, dtype), filled([classes], biasInit, dtype));
  }

  /** Logits [B, C] of images [B, H, W, 3]; `kept` and `tap` as in `SigLip.embedImages`. */
  logits(images: Tensor, kept?: Int32Array, tap?: Tap): Variable {
    const z = this.image.forward(images, tap, kept);
    tap?.("unnormalized", z);
    return this.head.forward(z);
  }

  /** Unit embeddings [B, d] of images [B, H, W, 3]. */
  embedImages(images: Tensor): Variable {
    return l2Normalize(this.image.forward(images));
  }
}
