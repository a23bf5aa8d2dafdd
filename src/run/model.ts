/** Builds model and optimizer from a run's configuration. */
import type { Variable } from "../autograd/index.ts";
import { AdamW, parametersOf } from "../nn/index.ts";
import { SigLip } from "../siglip/index.ts";
import { Rng } from "../tensor/index.ts";
import { type Config, modelConfig } from "./config.ts";

/** The parameters that a run trains: all, except b with the softmax loss, which does not use it. */
function trainedParameters({ train }: Config, model: SigLip): Map<string, Variable> {
  const trained = parametersOf(model);
  if (train.loss === "softmax") trained.delete("b");
  return trained;
}

/**
 * The paths of the parameters that a run trains. They depend on depths, pooling and position embeddings, not on widths, so
 * they are read from the smallest model with the same structure.
 */
export function trainedPaths(config: Config): string[] {
  const { image, text, embedDim } = config.model;
  const small = { mlpDim: 1, numHeads: 1 };
  const projects = image.width !== embedDim; // the image tower has a projection only where it needs one
  const model = buildModel(
    {
      ...config,
      model: {
        ...config.model,
        image: { ...image, ...small, width: 8, imageSize: 1, patchSize: 1 }, // 8: the least of sincos2d
        text: { ...text, ...small, width: 1 },
        embedDim: projects ? 1 : 8,
      },
    },
    1,
  );
  return [...trainedParameters(config, model).keys()];
}

/** The initial model: every parameter drawn from the run's seed. */
export const buildModel = (config: Config, vocabSize: number): SigLip =>
  new SigLip(new Rng(config.train.seed).split("model"), modelConfig(config, vocabSize));

/** Paths that decay: `kernels` as in big_vision; `matrices`, all with two axes or more, as in open_clip. */
const DECAYED = { kernels: ".*/kernel", matrices: ".*/(kernel|embedding|posEmbedding|probe)" } as const;

/** AdamW over the trained parameters of a model. */
export function buildOptimizer(config: Config, model: SigLip): AdamW {
  const { lr, beta1, beta2, eps, weightDecay, decayed, clipNorm, multipliers } = config.optim;
  return new AdamW(trainedParameters(config, model), {
    lr,
    beta1,
    beta2,
    eps,
    weightDecay,
    clipNorm,
    multipliers,
    decayed: DECAYED[decayed],
  });
}
