import { FormatError } from "../formats/index.ts";
import { checkModel, ModelConfigError, type SigLipConfig } from "../siglip/index.ts";

/** The configuration of a model, from a file. Throws `FormatError` if no model can have it. */
export function checkedConfig(config: SigLipConfig, file: string): SigLipConfig {
  try {
    checkModel(config);
  } catch (error) {
    if (error instanceof ModelConfigError) throw new FormatError("MODEL_CONFIG", file, 0, error.message);
    throw error;
  }
  return config;
}
