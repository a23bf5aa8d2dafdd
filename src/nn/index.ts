/** Public API of `nn`: layers, initializers, optimizer, schedules. */
export { projection, SelfAttention } from "./attention.ts";
export { type Duration, durationInSteps, parseDuration, type RunLength, ScheduleError } from "./duration.ts";
export { Encoder, EncoderBlock, type EncoderConfig } from "./encoder.ts";
export { filled, leCunNormal, normal, xavierUniform } from "./init.ts";
export { LayerNorm } from "./layerNorm.ts";
export { Linear } from "./linear.ts";
export { MapHead } from "./mapHead.ts";
export { Mlp, type MlpConfig } from "./mlp.ts";
export { countParameters, parametersOf } from "./module.ts";
export {
  AdamW,
  type AdamWOptions,
  type Multiplier,
  NonFiniteError,
  OptimizerError,
  pathPattern,
} from "./optim/adamW.ts";
export { clipFactor, globalNorm } from "./optim/clip.ts";
export { drawPatches, keptCount } from "./patchDropout.ts";
export { PatchEmbed, patchify } from "./patchEmbed.ts";
export { type Pooling, pool } from "./pool.ts";
export { learnedPositions, sincos2d } from "./posEmb.ts";
export { type Grid, type Resampling, resamplePositions } from "./resamplePositions.ts";
export { SCHEDULE_KINDS, type ScheduleKind, type ScheduleOptions, type Stair, schedule } from "./schedule.ts";
export type { Tap } from "./tap.ts";
