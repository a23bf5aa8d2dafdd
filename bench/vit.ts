/**
 * The small vision transformer of the step bench, the same work as that of the peers: 46.1 GFLOP forward and backward.
 *
 * 64 images of 32×32 in patches of 4, width 192, 4 blocks, 3 heads, mlp 768, mean pooling, sigmoid loss against fixed
 * text embeddings. Data and weights come from the same linear congruential generator, so all print the same
 * loss (10.0426) and the same Σ|d patch weight| (71.90).
 */
import {
  add,
  backward,
  constant,
  l2Normalize,
  layerNorm,
  linear,
  mean,
  mlp,
  parameter,
  selfAttention,
  type Variable,
} from "../src/autograd/index.ts";
import { alone, type Communicator } from "../src/parallel/index.ts";
import { chunkedSigmoidLoss } from "../src/siglip/index.ts";
import { abs, full, type Shape, scope, sizeOf, slice, sum, type Tensor, tensor } from "../src/tensor/index.ts";

export const VIT = { batch: 64, tokens: 64, patch: 48, width: 192, heads: 3, mlpDim: 768, depth: 4 } as const;
const { batch: B, tokens: T, patch: P, width: D, heads: H, mlpDim: M, depth: DEPTH } = VIT;
export const VIT_FLOP =
  3 * (2 * B * T * P * D + DEPTH * (2 * B * T * D * (4 * D + 2 * M) + 4 * B * H * T * T * (D / H)));

/** The generator of the peers: rand() of ANSI C, in double arithmetic as JavaScript computes it. */
function generator(): (shape: Shape, scale?: number) => Tensor {
  let seed = 1;
  const next = () => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed / 0x7fffffff - 0.5;
  };
  return (shape, scale = 1) =>
    tensor(
      Float32Array.from({ length: sizeOf(shape) }, () => next() * scale),
      shape,
    );
}

interface Block {
  readonly [name: string]: Variable;
}

function setup(comm: Communicator) {
  const random = generator();
  const p = (x: Tensor) => parameter(x);
  const ones = (n: number) => p(full([n], 1));
  const zeros = (n: number) => p(full([n], 0));
  const patchWeight = p(random([P, D], 0.2));
  const patchBias = zeros(D);
  const positions = p(random([T, D], 0.1));
  const [scale, bias] = [ones(D), zeros(D)];
  const tPrime = p(full([], Math.log(10)));
  const b = p(full([], -10));
  const blocks: Block[] = Array.from({ length: DEPTH }, () => ({
    g1: ones(D),
    b1: zeros(D),
    wqkv: p(random([D, 3 * D], 0.1)),
    bqkv: zeros(3 * D),
    wo: p(random([D, D], 0.1)),
    bo: zeros(D),
    g2: ones(D),
    b2: zeros(D),
    w1: p(random([D, M], 0.1)),
    c1: zeros(M),
    w2: p(random([M, D], 0.1)),
    c2: zeros(D),
  }));
  const [pictures, texts] = [random([B, T, P], 2), random([B, D])];
  // Every device draws the whole batch and keeps its share.
  const share = (x: Tensor) => slice(x, 0, (comm.rank * B) / comm.size, ((comm.rank + 1) * B) / comm.size);
  const x = constant(share(pictures));
  const ztxt = l2Normalize(constant(share(texts)), 0);
  const parameters = [patchWeight, patchBias, positions, scale, bias, tPrime, b, ...blocks.flatMap(Object.values)];

  const block = (h: Variable, q: Block): Variable => {
    const attended = selfAttention(linear(layerNorm(h, q.g1, q.b1), q.wqkv, q.bqkv), H);
    const y = linear(attended, q.wo, q.bo, h);
    return mlp(layerNorm(y, q.g2, q.b2), q.w1, q.c1, q.w2, q.c2, "tanh", y);
  };
  const loss = (): Variable => {
    let h = add(linear(x, patchWeight, patchBias), positions);
    for (const q of blocks) {
      const before = h;
      h = scope(() => block(before, q)); // as the encoder does: tensors that no derivative reads are freed at once
    }
    const zimg = l2Normalize(mean(layerNorm(h, scale, bias), { axis: 1 }), 0);
    return chunkedSigmoidLoss(zimg, ztxt, tPrime, b, comm);
  };
  return { loss, patchWeight, parameters };
}

export interface StepResult {
  /** This device's share of the loss. */
  readonly loss: number;
  /** Σ|d patch weight|, of the whole batch. */
  readonly gradient: number;
}

/** One step on this device's share of the batch: all gradients, summed over devices and then freed. */
export function makeStep(comm: Communicator = alone): () => StepResult {
  const { loss, patchWeight, parameters } = setup(comm);
  return () =>
    scope(() => {
      const L = loss();
      const value = L.value.item();
      backward(L);
      if (comm.size > 1) for (const p of parameters) p.grad = comm.allReduce(p.grad as Tensor);
      const gradient = sum(abs(patchWeight.grad as Tensor)).item();
      for (const p of parameters) p.grad = undefined;
      return { loss: value, gradient };
    });
}
