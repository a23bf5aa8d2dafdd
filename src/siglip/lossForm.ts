/**
 * The forms of the loss as values, for the training step and `siglip loss`.
 *
 * A form gets the embeddings of this device and returns the loss of the whole batch with its gradients. How it exchanges
 * embeddings, and whether it stores pairs, is up to the form. Training, reports and commands ask the form what they need to
 * know, so a new form is one more value of `LossForm`, here and nowhere else.
 */
import { backward, div, parameter, type Variable } from "../autograd/index.ts";
import { type Communicator, ShardError } from "../parallel/index.ts";
import { full, type PairRule, portable, type Rng, type Tensor, tensor } from "../tensor/index.ts";
import { chunkedSigmoidLoss } from "./chunkedLoss.ts";
import { fusedSigmoidLoss, type LossGradients } from "./fusedLoss.ts";
import { fusedSoftmaxLoss } from "./fusedSoftmaxLoss.ts";
import { gatheredSigmoidLoss, gatheredSoftmaxLoss } from "./gatheredLoss.ts";
import { deviceBlock, sigmoidLoss } from "./loss.ts";
import { checkLoss } from "./lossCheck.ts";

/** The input of a loss: this device's rows of a batch, and the communicator that reaches the others. */
export interface EmbeddedBatch {
  /** Rows of length 1, [views·k·n, d] and [k·n, d]. */
  readonly zimg: Tensor;
  readonly ztxt: Tensor;
  readonly tPrime: number;
  readonly b: number;
  readonly comm: Communicator;
  /** Pieces that the whole batch is cut into; this device owns k of them. */
  readonly shards: number;
  /** The group of each own pair, [k·n]: pairs of one group have the same text (or are otherwise no negatives of each other). */
  readonly groups?: Int32Array;
  /** The random numbers of this step, the same on every device; for losses that choose at random. */
  readonly rng?: Rng;
  /** Which pairs of the batch count, and as what; the same on every device. */
  readonly rule?: PairRule;
  /** Is called for every block of pairs that this device computes, by forms that compute in blocks. */
  readonly onBlock?: (imageShard: number, textShard: number) => void;
}

/** What the pairs of an image and the same text as its own, of another row, are: they do not count, or are positives. */
export type SameName = "mask" | "positive";

/** What is true of a loss however it is computed. */
interface Loss {
  /** What the loss asks, as a sentence for a report. */
  readonly summary: string;
  /** Images for each text of a batch; with two, rows 2i and 2i + 1 of the images are views of the item of text i. */
  readonly views: 1 | 2;
  /** What it makes of equal texts in batches with groups; without it they are negatives. */
  readonly sameName?: SameName;
  /** Whether the loss uses the bias. If not, b has no gradient and must not be in the optimizer. */
  readonly usesBias: boolean;
  /** The probability that a pair with this logit matches; absent for a loss that only compares pairs. */
  readonly probability?: (logit: number) => number;
  /** The lowest loss of a model that gives all pairs of a batch of n the same logit. */
  blindLoss(n: number): number;
  /** Checks a computed loss and its gradients by a sample of rows; absent where no such check exists. */
  readonly check?: typeof checkLoss;
}

/** A form of the loss: a loss, and a way to compute it. */
export interface LossForm extends Loss {
  readonly name: string;
  /** Floating-point operations a pair, in units of the width d: 2 for each product. Products that are recomputed do not count. */
  readonly operations: number;
  /** Whether a device holds matrices of all n² pairs: memory then grows with the square of the batch. */
  readonly holdsAllPairs: boolean;
  /** Whether it runs on one device only. */
  readonly oneDevice: boolean;
  /** The loss of the whole batch, the same on every rank, and the gradients of this device's rows. */
  gradients(batch: EmbeddedBatch): LossGradients;
}

const sigmoid: Loss = {
  summary:
    "The loss asks of every pair in a batch whether this text describes this picture, and adds up the errors of the yes-or-no answers.",
  views: 1,
  usesBias: true,
  // σ(ℓ), no overflow
  probability(logit) {
    const e = portable.exp(-Math.abs(logit));
    return logit >= 0 ? 1 / (1 + e) : e / (1 + e);
  },
  // min over ℓ of log(1 + e^−ℓ) + (n − 1)·log(1 + e^ℓ), at σ(ℓ) = 1/n
  blindLoss: (n) => (n === 1 ? 0 : Math.log(n) + (n - 1) * Math.log(n / (n - 1))),
  check: checkLoss,
};

const contrastive: Loss = {
  summary: "The loss asks for every picture which text of the batch belongs to it, and for every text which picture.",
  views: 1,
  usesBias: false,
  blindLoss: Math.log,
};

/** The sigmoid loss with its gradients in one pass; stores no pairwise values. The form that training uses. */
const fused: LossForm = {
  ...sigmoid,
  name: "fused",
  operations: 6,
  holdsAllPairs: false,
  oneDevice: false,
  gradients: ({ zimg, ztxt, tPrime, b, comm, shards, ...options }) =>
    fusedSigmoidLoss(zimg, ztxt, tPrime, b, comm, shards, options),
};

/** A sigmoid loss given as an expression for each rank's share; its gradients come from `backward`. */
const composed = (
  name: string,
  share: (x: Variable, y: Variable, t: Variable, b: Variable, batch: EmbeddedBatch) => Variable,
): LossForm => ({
  ...sigmoid,
  name,
  operations: 6,
  holdsAllPairs: false,
  oneDevice: false,
  gradients(batch) {
    const { zimg, ztxt, comm } = batch;
    const leaf = (value: number): Variable => parameter(full([], value, zimg.dtype));
    const [x, y, tPrime, b] = [parameter(zimg), parameter(ztxt), leaf(batch.tPrime), leaf(batch.b)];
    const loss = share(x, y, tPrime, b, batch);
    const value = loss.value.item();
    backward(loss);
    const gradient = (of: Variable): Tensor => of.grad as Tensor;
    const own = [value, gradient(tPrime).item(), gradient(b).item()];
    const [total, dtPrime, db] = comm.allReduce(tensor(own, [3], "f64")).data;
    return { loss: total, dtPrime, db, dzimg: gradient(x), dztxt: gradient(y) };
  },
});

/** All n² pairs at once, on one device. */
const dense: LossForm = {
  ...composed("dense", (x, y, t, b, { comm, rule }) => {
    if (comm.size > 1) throw new ShardError("loss: the dense form holds all pairs on one device; use another form");
    if (!rule) return sigmoidLoss(x, y, t, b);
    const [n] = x.shape;
    return div(deviceBlock(n, 0, 0, 1, rule)(x, y, t, b), n);
  }),
  holdsAllPairs: true,
  oneDevice: true,
};

/** The paper's ring: one block of pairs at a time. */
const chunked = composed("chunked", (x, y, t, b, { comm, onBlock, rule }) =>
  chunkedSigmoidLoss(x, y, t, b, comm, onBlock, rule),
);

/** In blocks as well, with all texts gathered first. */
const gather = composed("gather", (x, y, t, b, { comm, rule }) => gatheredSigmoidLoss(x, y, t, b, comm, rule));

/** The contrastive baseline, without a bias; stores no pairwise values. */
const softmax: LossForm = {
  ...contrastive,
  name: "softmax",
  operations: 8, // the inner products twice
  holdsAllPairs: false,
  oneDevice: false,
  gradients: ({ zimg, ztxt, tPrime, comm, shards, ...options }) =>
    fusedSoftmaxLoss(zimg, ztxt, tPrime, comm, shards, options),
};

/** The same as the formula, on every device from all embeddings: the reference for `softmax`. */
const softmaxDense: LossForm = {
  ...contrastive,
  name: "softmaxDense",
  operations: 6,
  holdsAllPairs: true,
  oneDevice: false,
  gradients: ({ zimg, ztxt, tPrime, comm, rule }) => gatheredSoftmaxLoss(zimg, ztxt, tPrime, comm, rule),
};

/** Every form by name: the sigmoid loss in four ways (`fused`, `chunked`, `gather`, `dense`), the softmax loss in two. */
export const lossForms = { fused, chunked, gather, dense, softmax, softmaxDense } as const satisfies Record<
  string,
  LossForm
>;

/** The losses for training, by their name in a configuration. */
export const trainingLosses = { sigmoid: fused, softmax } as const satisfies Record<string, LossForm>;
/** Name of a loss that a model can be trained with. */
export type LossName = keyof typeof trainingLosses;
