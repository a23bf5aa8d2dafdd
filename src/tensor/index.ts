/** The door of `tensor`. */
export * from "./attention.ts";
export * from "./elementwise.ts";
export * from "./gather.ts";
export * from "./heap.ts";
export type { AdamWArgs, Kernels, UnaryGradOp, UnaryOp } from "./kernels/kernels.ts";
export { UNARY, UNARY_GRAD } from "./kernels/kernels.ts";
export { referenceKernels } from "./kernels/plain.ts";
export * from "./matmul.ts";
export * from "./movement.ts";
export * from "./norm.ts";
export * as portable from "./portable.ts";
export * from "./random.ts";
export * from "./reduce.ts";
export * from "./select/select.ts";
export * from "./shape.ts";
export * from "./sigmoidBlock.ts";
export * from "./softmax.ts";
export * from "./tensor.ts";
