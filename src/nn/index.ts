/** Public API of `nn`: layers, initializers, optimizer, schedules. */
export { outProjection, projection, SelfAttention } from "./attention.ts";
export { type Duration, durationInSteps, parseDuration, type RunLength, ScheduleError } from "./duration.ts";
export { type BlockReader, Encoder, EncoderBlock, type EncoderConfig } from "./encoder.ts";
export { filled, leCunNormal, normal, skipInit, xavierUniform } from "./init.ts";
export { LayerNorm } from "./layerNorm.ts";
export { Linear } from "./linear.ts";
export { MapHead } from "./mapHead.ts";
export { Mlp, type MlpConfig } from "./mlp.ts";
export { countParameters, parametersOf, trainedParameters } from "./module.ts";
export { type AdafactorOptions, adafactor } from "./optim/adafactor.ts";
export { adam } from "./optim/adam.ts";
export { AdamW, type AdamWOptions } from "./optim/adamW.ts";
export { clipFactor, globalNorm } from "./optim/clip.ts";
export { NonFiniteError, OptimizerError } from "./optim/errors.ts";
export { freeze } from "./optim/freeze.ts";
export { type LionOptions, lion } from "./optim/lion.ts";
export { type MuonOptions, muon } from "./optim/muon.ts";
export { orthogonalize } from "./optim/newtonSchulz.ts";
export type { Optimizer, ScheduleFactor } from "./optim/optimizer.ts";
export type { Multiplier, OptimizerOptions } from "./optim/options.ts";
export { pathPattern } from "./optim/pathPattern.ts";
export { type SgdOptions, sgd } from "./optim/sgd.ts";
export { drawPatches, keptCount } from "./patchDropout.ts";
export { PatchEmbed, patchify } from "./patchEmbed.ts";
export { type Pooling, pool } from "./pool.ts";
export { learnedPositions, sincos2d } from "./posEmb.ts";
export { type Grid, type Resampling, resamplePositions } from "./resamplePositions.ts";
export {
  SCHEDULE_KINDS,
  type ScheduleKind,
  type ScheduleOption,
  type ScheduleOptions,
  type Stair,
  schedule,
  scheduleOptionsOf,
} from "./schedule.ts";
export type { Tap } from "./tap.ts";
