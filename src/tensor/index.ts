/** The door of `tensor`. */
export * from "./attention.ts";
export * from "./elementwise.ts";
export * from "./gather.ts";
export * from "./heap.ts";
export type { AdamWArgs } from "./kernels/adamW/interface.ts";
export type { Kernels } from "./kernels/kernels.ts";
export { plainKernels } from "./kernels/plain.ts";
export {
  UNARY,
  UNARY_GRAD,
  type UnaryGradOp,
  type UnaryOp,
  type UnaryWithDerivativeOp,
} from "./kernels/scalar/unary.ts";
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
