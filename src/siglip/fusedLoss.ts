/**
 * The sigmoid loss with its gradients in one pass, on any number of devices: what training runs.
 *
 * The gradient of a pair is known as soon as its logit is: G = −z·σ(−z·ℓ), where z = ±1 is its label. So nothing pairwise is
 * kept for the backward pass and nothing is computed twice. Image embeddings stay; a block of text embeddings travels together
 * with the gradient it has collected, and that comes home. Memory is O(n·d) whatever the batch.
 *
 * The batch is cut into shards. Two ways round the ring of devices:
 *
 *   "one"    texts go round once, by −1. The order of every sum is stated in shards, not in devices: image shard r adds text
 *            shards r, r+1, ..., and text shard s collects from image shards s, s−1, ... (both modulo their number). A pair
 *            that would come too early waits until its block is home again. So which device owns which shard changes no bit.
 *   "both"   texts go half way round by −1 and half way by +1 (open_clip's bidirectional exchange), and their gradients come
 *            back: about 3W/2 blocks over a link in each direction, not 2W − 1 in one, for W devices. Worth it only where
 *            links carry both directions at once: a device receives 3(W − 1) blocks in all. Rank r adds the texts of ranks
 *            r, r+1, r−1, r+2, r−2, ...; texts of rank s collect from ranks s−1, s−2, ..., from s+1, s+2, ..., and add both
 *            to what they have at home. Where W is even, the one opposite is met by −1 only. The order of sums depends on W.
 */
import { type Communicator, ownedShards, ShardError } from "../parallel/index.ts";
import {
  addInto,
  mul,
  portable,
  scope,
  sigmoidBlock,
  slice,
  type Tensor,
  tensor,
  total,
  zeros,
} from "../tensor/index.ts";
import { checkWord } from "./configurationError.ts";
import { checkPairs } from "./loss.ts";

/** A loss with its gradients. */
export interface LossGradients {
  /** Over the whole batch: the same on every rank. */
  readonly loss: number;
  readonly dtPrime: number;
  readonly db: number;
  /** Of this device's rows. */
  readonly dzimg: Tensor;
  readonly dztxt: Tensor;
}

const RINGS = ["one", "both"] as const;

/** Settings of `fusedSigmoidLoss`. */
export interface FusedOptions {
  /** How texts go round. Only "one" gives the same bits on any number of devices. */
  readonly ring?: (typeof RINGS)[number];
  /** Told of every block of pairs that this device computes: image shard, text shard. For tests and drawings. */
  readonly onBlock?: (imageShard: number, textShard: number) => void;
}

/** What a walk round the ring needs: who, what, and how to do one block. */
interface Walk {
  readonly comm: Communicator;
  readonly ztxt: Tensor;
  /** Pairs of own images with the texts of rank `owner`, added to `dtexts`; some of the pairs of shards, where said. */
  visit(texts: Tensor, dtexts: Tensor, owner: number, wanted?: (image: number, text: number) => boolean): void;
}

/**
 * zimg, ztxt [k·n, d]: the rows of this device's k shards, in their order. Every device must own as many shards.
 *
 * Throws `ShardError` where the shards do not divide among the devices.
 */
export function fusedSigmoidLoss(
  zimg: Tensor,
  ztxt: Tensor,
  tPrime: number,
  b: number,
  comm: Communicator,
  shards: number = comm.size,
  { ring = "one", onBlock }: FusedOptions = {},
): LossGradients {
  const rows = checkPairs("fusedSigmoidLoss", zimg, ztxt);
  const owned = shards / comm.size;
  if (!Number.isInteger(owned) || owned < 1 || rows % owned !== 0) {
    throw new ShardError(
      `fusedSigmoidLoss: ${shards} shards on ${comm.size} devices with ${rows} rows each; shards must be a multiple of the devices, and rows of the shards that a device owns`,
    );
  }
  checkWord("fusedSigmoidLoss: ring", ring, RINGS);
  const n = rows / owned;
  const batch = n * shards;
  const t = portable.exp(tPrime);
  const { first } = ownedShards(shards, comm.rank, comm.size);
  const shardOf = (x: Tensor, shard: number): Tensor => slice(x, 0, shard * n, (shard + 1) * n);

  return scope(() => {
    const dzimg = zeros(zimg.shape, zimg.dtype);
    // Loss and Σ G of every own image shard, added up in the order of its text shards.
    const losses = new Float64Array(owned);
    const sums = new Float64Array(owned);

    const visit: Walk["visit"] = (texts, dtexts, owner, wanted = () => true) => {
      for (let s = 0; s < owned; s++) {
        for (let r = owned - 1; r >= 0; r--) {
          const [image, text] = [first + r, owner * owned + s];
          if (!wanted(image, text)) continue;
          const own = { x: shardOf(zimg, r), dx: shardOf(dzimg, r) };
          const met = { y: shardOf(texts, s), dy: shardOf(dtexts, s) };
          const block = scope(() => sigmoidBlock(own.x, met.y, t, b, image === text, own.dx, met.dy));
          losses[r] += block.loss;
          sums[r] += block.sum;
          onBlock?.(image, text);
        }
      }
    };
    const dtexts = (ring === "one" ? oneWay : bothWays)({ comm, ztxt, visit });

    // ∂t′ = Σ G·t·S, and Σⱼ Gᵢⱼ·Sᵢⱼ = ⟨xᵢ, (G·y)ᵢ⟩ is there already.
    const slopes = Array.from({ length: owned }, (_, r) =>
      scope(() => total(mul(shardOf(zimg, r), shardOf(dzimg, r)))),
    );
    const own = tensor([...losses, ...sums, ...slopes], [3, owned], "f64");
    const all = comm.allGather(own).data; // [size, 3, owned]
    const sumOf = (which: number): number => {
      let sum = 0;
      for (let rank = 0; rank < comm.size; rank++) {
        for (let r = 0; r < owned; r++) sum += all[(rank * 3 + which) * owned + r];
      }
      return sum;
    };
    const scaled = (sum: Tensor): Tensor => {
      const gradient = mul(sum, t / batch);
      sum.storage.free(); // before the next: at a large batch this is where memory peaks
      return gradient;
    };
    return {
      loss: sumOf(0) / batch,
      db: sumOf(1) / batch,
      dtPrime: (t * sumOf(2)) / batch,
      dzimg: scaled(dzimg),
      dztxt: scaled(dtexts),
    };
  });
}

/** Texts and their gradients go round once; returns the gradients of the own texts. */
function oneWay({ comm, ztxt, visit }: Walk): Tensor {
  const { rank, size } = comm;
  let texts = ztxt;
  let dtexts = zeros(ztxt.shape, ztxt.dtype);
  visit(texts, dtexts, rank, (image, text) => image <= text); // later image shards first send their own texts round
  for (let hop = 1; hop < size; hop++) {
    texts = pass(texts, comm, -1, ztxt);
    dtexts = pass(dtexts, comm, -1);
    visit(texts, dtexts, (rank + hop) % size);
  }
  if (size > 1) {
    texts.storage.free();
    dtexts = pass(dtexts, comm, -1); // home
  }
  visit(ztxt, dtexts, rank, (image, text) => image > text);
  return dtexts;
}

/** Texts and their gradients go half way round in both directions, and the gradients come back the way they went. */
function bothWays({ comm, ztxt, visit }: Walk): Tensor {
  const { rank, size } = comm;
  const stream = (by: 1 | -1, hops: number) => ({ by, hops, texts: ztxt, dtexts: zeros(ztxt.shape, ztxt.dtype) });
  const home = zeros(ztxt.shape, ztxt.dtype);
  visit(ztxt, home, rank);
  // Those of ranks r+1, r+2, ... and those of r−1, r−2, ..., but for the one opposite.
  const streams = [stream(-1, Math.floor(size / 2)), stream(1, Math.floor((size - 1) / 2))];
  for (let hop = 1; hop <= size / 2; hop++) {
    for (const each of streams) {
      if (hop > each.hops) continue;
      each.texts = pass(each.texts, comm, each.by, ztxt);
      each.dtexts = pass(each.dtexts, comm, each.by);
      visit(each.texts, each.dtexts, (rank - each.by * hop + size) % size);
    }
  }
  for (const { by, hops, dtexts } of streams) {
    let coming = dtexts;
    for (let hop = 1; hop <= hops; hop++) coming = pass(coming, comm, by === 1 ? -1 : 1);
    addInto(home, coming);
  }
  return home;
}

/** Hands x on and gives its memory back, unless it is to stay; returns what arrived. */
function pass(x: Tensor, comm: Communicator, by: 1 | -1, stays?: Tensor): Tensor {
  const arrived = comm.shift(x, by);
  if (x !== stays) x.storage.free();
  return arrived;
}
