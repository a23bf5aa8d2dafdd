/** Configuration keys of the model: sizes of the two towers, and how its parameters start. */
import { choice, integer, number, numberOr } from "./fields.ts";

/** The keys of `model`. */
export const modelFields = {
  image: {
    imageSize: integer(32, 4, 1024, "side of an image in pixels"),
    patchSize: integer(8, 1, 256, "side of a patch in pixels"),
    width: integer(64, 1, 8192, "width of the image tower"),
    depth: integer(3, 1, 64, "encoder blocks of the image tower"),
    mlpDim: integer(256, 1, 32_768, "hidden width of its MLPs"),
    numHeads: integer(4, 1, 128, "its attention heads"),
    pooling: choice(
      "map",
      ["map", "mean", "max", "first", "tok"],
      "map: an attention head with a learned probe; tok: a class token",
    ),
    posEmb: choice("learn", ["learn", "sincos2d"], "position embedding: learned, or sines and cosines"),
    gelu: choice("tanh", ["tanh", "erf"], "form of GELU in its MLPs"),
    epsilon: number(1e-6, { above: 0, max: 0.1 }, "ε of its layer norms"),
    repSize: integer(0, 0, 8192, "width of a tanh layer before the head; 0: none"),
    patchDropout: number(0, { min: 0, max: 0.99 }, "share of patches dropped in training"),
  },
  text: {
    width: integer(64, 1, 8192, "width of the text tower"),
    depth: integer(1, 1, 64, "encoder blocks of the text tower"),
    mlpDim: integer(256, 1, 32_768, "hidden width of its MLPs"),
    numHeads: integer(2, 1, 128, "its attention heads"),
    pooling: choice("last", ["last", "first", "mean", "max", "map"], "which tokens become the embedding"),
    gelu: choice("tanh", ["tanh", "erf"], "form of GELU in its MLPs"),
    epsilon: number(1e-6, { above: 0, max: 0.1 }, "ε of its layer norms"),
    bottleneck: integer(0, 0, 8192, "columns of the token table before a linear map to the width; 0: the width"),
  },
  embedDim: integer(64, 1, 8192, "width of the embeddings"),
  temperatureInit: number(10, { min: 1e-30, max: 1000 }, "temperature t at the start; t = exp(t′), in f32"),
  biasInit: numberOr(
    "log-odds",
    -100,
    100,
    "bias b at the start; log-odds: −ln(loss.ratio · (batch − 1)), to classify −ln(classes − 1)",
  ),
  outputInit: choice("xavier", ["xavier", "zero"], "kernels of the output projections in encoder blocks at the start"),
};
