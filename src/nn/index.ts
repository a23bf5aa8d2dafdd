/** The door of `nn`. */
export * from "./attention.ts";
export * from "./encoder.ts";
export * from "./init.ts";
export * from "./layerNorm.ts";
export * from "./linear.ts";
export * from "./mapHead.ts";
export * from "./mlp.ts";
export * from "./module.ts";
export * from "./optim/adamW.ts";
export * from "./optim/clip.ts";
export * from "./patchEmbed.ts";
export * from "./posEmb.ts";
export * from "./schedule.ts";
export * from "./see.ts";
