/** The door of `autograd`. */
export * from "./activations.ts";
export * from "./attention.ts";
export * from "./backward.ts";
export * from "./elementwise.ts";
export * from "./gather.ts";
export * from "./gradcheck.ts";
export * from "./matmul.ts";
export * from "./movement.ts";
export * from "./noGrad.ts";
export * from "./norm.ts";
export { type Lifted, type Op, op, type Rule, type Vjp } from "./op.ts";
export * from "./recompute.ts";
export * from "./reduce.ts";
export * from "./softmax.ts";
export * from "./variable.ts";
