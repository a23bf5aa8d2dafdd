/** Multi-head attention and its gradient, on projections in place. */
import type { Ptr } from "../ptr.ts";

/**
 * Position of q, k, v or out: the number (batch i, token j, head h, channel c) is at element i·batch + j·row + h·headDim + c
 * after `at`. So heads are read from a projection without a copy.
 */
export interface HeadLayout {
  readonly at: Ptr;
  readonly batch: number;
  readonly row: number;
}

export interface AttentionArgs {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  readonly q: HeadLayout;
  readonly k: HeadLayout;
  readonly v: HeadLayout;
  readonly out: HeadLayout;
  /** softmax(q·kᵀ/√headDim), contiguous [batch, heads, queries, keys]; written by the forward pass, read by the backward pass. */
  readonly probs: Ptr;
}

export interface AttentionGradArgs extends AttentionArgs {
  /** Gradient of `out`, laid out like it. */
  readonly g: HeadLayout;
  readonly dq: HeadLayout;
  readonly dk: HeadLayout;
  readonly dv: HeadLayout;
}

/** All heads of all images: out = P·v with P = softmax(q·kᵀ/√headDim). */
export interface AttentionKernels {
  attention(args: AttentionArgs): void;
  attentionGrad(args: AttentionGradArgs): void;
}
