/** Public API of `autograd`: variables, operations and the backward pass. */
export { gelu, geluErf, logSigmoid, sigmoid, softplus, tanh } from "./activations.ts";
export { composedAttention, crossAttention, selfAttention } from "./attention.ts";
export { backward, GraphError } from "./backward.ts";
export { abs, add, div, exp, log, mul, neg, sqrt, square, sub } from "./elementwise.ts";
export { gather } from "./gather.ts";
export { type GradcheckResult, gradcheck } from "./gradcheck.ts";
export { type GeluForm, linear, matmul, mlp } from "./matmul.ts";
export { broadcastTo, concat, permute, reshape, slice, transpose } from "./movement.ts";
export { isRecording, noGrad, withGrad } from "./noGrad.ts";
export { l2Normalize, layerNorm } from "./norm.ts";
export { type Lifted, type Op, op, type Rule, type Vjp } from "./op.ts";
export { recompute } from "./recompute.ts";
export { max, mean, sum } from "./reduce.ts";
export { logSumExp, softmax } from "./softmax.ts";
export { constant, type Layout, type Node, parameter, parameterWithLayout, tensorOf, Variable } from "./variable.ts";
