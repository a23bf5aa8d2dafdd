/** Public API of `tensor`: tensors, operations without gradients, the heap, the choice of kernels, random numbers. */
export { attention, attentionGrad } from "./attention.ts";
export { CodedRows } from "./codedRows.ts";
export {
  abs,
  add,
  addInto,
  cast,
  copy,
  div,
  exp,
  gelu,
  geluErf,
  log,
  logSigmoid,
  maximum,
  minimum,
  mul,
  neg,
  type Operand,
  sigmoid,
  sign,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
  unaryGrad,
  unaryOps,
  unaryWithDerivative,
} from "./elementwise.ts";
export { flops } from "./flops.ts";
export { checkIds, gather, IndexError, scatterAdd } from "./gather.ts";
export {
  collect,
  type DType,
  HEAP_BYTES,
  Heap,
  heap,
  keep,
  LifetimeError,
  OutOfMemoryError,
  Storage,
  SystemMemoryError,
  scope,
  sizeClass,
  storages,
  storagesIn,
} from "./heap.ts";
export type { Kernels } from "./kernels/kernels.ts";
export { plainKernels } from "./kernels/plain.ts";
export {
  UNARY,
  UNARY_GRAD,
  type UnaryGradOp,
  type UnaryOp,
  type UnaryWithDerivativeOp,
} from "./kernels/scalar/unary.ts";
export { linear, matmul, matmulTimes, type Transposes } from "./matmul.ts";
export { broadcastTo, concat, pad, permute, reshape, slice, transpose } from "./movement.ts";
export { type LayerNormResult, l2Normalize, l2NormalizeGrad, layerNorm, layerNormGrad } from "./norm.ts";
export {
  type BlockRule,
  findNegatives,
  groupPairs,
  labelOf,
  type PairGroups,
  type PairRule,
  type RandomNegatives,
  type RankedNegatives,
} from "./pairRule.ts";
export * as portable from "./portable.ts";
export type { Nested } from "./print.ts";
export { Rng } from "./random.ts";
export { type Axes, axesOf, max, mean, reducedShape, sum, sumSquares, sumTo, total } from "./reduce.ts";
export {
  adoptKernels,
  chooseKernels,
  KERNEL_MODES,
  KernelError,
  type KernelMode,
  type KernelReport,
  kernelReport,
  kernelsFor,
  useKernels,
} from "./select/select.ts";
export { axisOf, type Shape, ShapeError, sameShape, show, sizeOf } from "./shape.ts";
export { type SigmoidBlock, sigmoidBlock } from "./sigmoidBlock.ts";
export { logSumExp, softmax, softmaxGrad } from "./softmax.ts";
export {
  addSoftmaxGradients,
  addSoftmaxSums,
  emptySoftmaxSums,
  type SoftmaxSums,
  type SoftmaxWeights,
} from "./softmaxBlock.ts";
export {
  empty,
  eye,
  full,
  generate,
  INSPECT,
  ones,
  requireTensor,
  scalar,
  Tensor,
  tensor,
  zeros,
} from "./tensor.ts";
