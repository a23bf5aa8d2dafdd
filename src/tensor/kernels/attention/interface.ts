/** Multi-head attention and its gradient, read and written where projections leave their numbers. */
import type { Ptr } from "../ptr.ts";

/**
 * Where one of q, k, v or out lies: the number (batch i, token j, head h, channel c) is at element
 * i·batch + j·row + h·headDim + c after `at`. So heads are read where a projection left them, without a copy.
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
  /** softmax(q·kᵀ/√headDim), contiguous [batch, heads, queries, keys]; written forward, read backward. */
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
