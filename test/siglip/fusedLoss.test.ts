import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alone, type Communicator, DesyncError, ShardError } from "../../src/parallel/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import { type FusedOptions, fusedSigmoidLoss, fusedSoftmaxLoss, type LossGradients } from "../../src/siglip/index.ts";
import { heap, Rng, ShapeError, scope, type Tensor, tensor, zeros } from "../../src/tensor/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { anyPairsOf, unitRows } from "../support/generators.ts";
import type { Gradients, Pairs } from "../support/referenceLoss.ts";
import { type Form, lockstepParts, onDevices, type Visit } from "../support/shares.ts";

const SIZES = [1, 2, 3, 4, 5, 6, 7, 8];

const pairsOf = (n: number, d = 3): Pairs => ({
  n,
  d,
  x: unitRows(new Rng(1).split("x"), n, d),
  y: unitRows(new Rng(1).split("y"), n, d),
  tPrime: 2,
  b: -3,
});

type Fused = (
  x: Tensor,
  y: Tensor,
  t: number,
  comm: Communicator,
  shards?: number,
  options?: FusedOptions,
) => LossGradients;
const sigmoid: Fused = (x, y, t, ...rest) => fusedSigmoidLoss(x, y, t, -1, ...rest);

/** The walk of both losses, with the tensors that it passes on at every hop and those that come home. */
const LOSSES = [
  ["fusedSigmoidLoss", { form: "fused", loss: sigmoid, passed: 2, home: 1 }],
  // first texts with two accumulators, then texts with two vectors of normalizers and one accumulator
  ["fusedSoftmaxLoss", { form: "softmax", loss: fusedSoftmaxLoss, passed: 3 + 4, home: 2 + 1 }],
] as const;

type RankVisit = Visit & { readonly rank: number };

/** Walks that several tests look at. */
const walks = new Map<string, readonly RankVisit[]>();

/** All blocks of all ranks, with their rank, in order of time: by collectives called, then in the order of the rank. */
function visitsOf(form: Form, size: number, shards: number): readonly RankVisit[] {
  const key = `${form} ${size} ${shards}`;
  const known = walks.get(key);
  if (known) return known;
  const visits = lockstepParts({ form, dtype: "f64", pairs: pairsOf(shards), shards }, size)
    .flatMap(({ visits }, rank) => visits.map((visit) => ({ ...visit, rank })))
    .sort((a, b) => a.calls - b.calls);
  walks.set(key, visits);
  return visits;
}

const everything = ({ loss, dTPrime, dB, dX, dY }: Gradients): number[] => [
  loss,
  dTPrime,
  dB,
  ...Array.from(dX),
  ...Array.from(dY),
];

describe.each(LOSSES)("%s", { timeout: 60_000 }, (name, { form, loss, passed, home }) => {
  it.each(SIZES)("on %i devices visits every block of pairs once", (size) => {
    for (const owned of [1, 2, 3]) {
      const shards = size * owned;
      const blocks = visitsOf(form, size, shards).map(({ image, text }) => image * shards + text);
      const all = Array.from({ length: shards * shards }, (_, i) => i);
      expect(blocks.sort((a, b) => a - b)).toEqual(all);
    }
  });

  it.each(SIZES)("on %i devices receives the stated number of tensors, and sums once", (size) => {
    const calls = lockstep(size, (comm) => {
      loss(zeros([2, 3]), zeros([2, 3]), 0, comm, size);
      return comm.calls;
    });
    const tensors = size === 1 ? 0 : (size - 1) * passed + home;
    expect(calls).toEqual(new Array(size).fill(tensors + 1));
  });

  it.each(SIZES)("on %i devices leaves images in place", (size) => {
    for (const { image, rank } of visitsOf(form, size, 2 * size)) expect(Math.floor(image / 2)).toBe(rank);
  });

  it("refuses shards that do not divide among the devices, and rows that do not divide into shards", () => {
    const run = (rows: number, shards: number) => () =>
      lockstep(2, (comm) => {
        loss(zeros([rows, 3]), zeros([rows, 3]), 0, comm, shards);
      });
    expect(run(4, 3)).toThrow(ShardError);
    expect(run(4, 3)).toThrow(/3 shards on 2 devices with 4 rows/);
    expect(run(3, 4)).toThrow(ShardError);
    expect(run(3, 0)).toThrow(ShardError);
    expect(run(3, -2)).toThrow(ShardError);
    expect(run(4, Number.NaN)).toThrow(ShardError);
    expect(run(4, 4)).not.toThrow();
  });

  it("refuses ranks with different numbers of rows", () => {
    const run = () =>
      lockstep(3, (comm) => {
        const rows = comm.rank === 2 ? 3 : 4;
        loss(zeros([rows, 3]), zeros([rows, 3]), 0, comm, 3);
      });
    expect(run).toThrow(DesyncError);
  });

  it("refuses an empty batch and sides that do not fit", () => {
    const run = (a: number[], b: number[]) => () => loss(zeros(a), zeros(b), 0, alone, 1);
    expect(run([0, 3], [0, 3])).toThrow(new ShapeError(`${name}: the batch is empty`));
    expect(run([2, 3], [3, 3])).toThrow(ShapeError);
    expect(run([2, 3], [2, 4])).toThrow(ShapeError);
  });

  it("holds a few blocks of rows at any time, for any number of devices, and frees all but its results", () => {
    const [n, d] = [64, 32];
    const peak = (size: number): number => {
      const peaks = lockstep(size, (comm) => {
        const x = tensor(unitRows(new Rng(comm.rank), n, d), [n, d]);
        const before = heap.liveBytes;
        let most = 0;
        const onBlock = () => {
          most = Math.max(most, heap.liveBytes);
        };
        const out = scope(() => loss(x, x, 1, comm, size, { onBlock }));
        const [own, result] = [out.dzimg.storage.bytes, heap.liveBytes - before];
        expect(result).toBe(2 * own);
        return most - before;
      });
      return peaks.reduce((a, b) => Math.max(a, b));
    };
    expect(peak(8)).toBeLessThanOrEqual(peak(3));
    expect(peak(8)).toBeLessThanOrEqual(6 * n * d * 4);
  });
});

describe.each(LOSSES)("the order of sums of %s", { timeout: 60_000 }, (_, { form }) => {
  const orders = SIZES.flatMap((size) => [1, 2, 3].map((owned) => [size, size * owned] as const));

  it.each(orders)("on %i devices with %i shards adds text shards r, r+1, ... to image shard r", (size, shards) => {
    const visits = visitsOf(form, size, shards);
    for (let r = 0; r < shards; r++) {
      const texts = visits.filter(({ image }) => image === r).map(({ text }) => text);
      expect(texts).toEqual(Array.from({ length: shards }, (_, k) => (r + k) % shards));
    }
  });

  it.each(orders)("on %i devices with %i shards collects from image shards s, s−1, ...", (size, shards) => {
    const visits = visitsOf(form, size, shards);
    for (let s = 0; s < shards; s++) {
      const images = visits.filter(({ text }) => text === s).map(({ image }) => image);
      expect(images).toEqual(Array.from({ length: shards }, (_, k) => (s - k + shards) % shards));
    }
  });

  it.each(["f32", "f64"] as const)("in %s gives the same bits on any number of devices", (dtype) => {
    const shardCounts = [1, 2, 3, 4, 5, 6, 8, 12];
    const cases = fc
      .record({ shards: fc.constantFrom(...shardCounts), rows: fc.integer({ min: 1, max: 6 }) })
      .chain(({ shards, rows }) => anyPairsOf(shards * rows).map((pairs) => ({ shards, pairs })));
    fc.assert(
      fc.property(cases, ({ shards, pairs }) => {
        const on = (size: number) => everything(onDevices({ form, dtype, pairs, shards }, size));
        const expected = on(1);
        for (const size of SIZES) if (size > 1 && shards % size === 0) expectSameBits(on(size), expected);
      }),
      { numRuns: 20 },
    );
  });

  it("gives the same loss and the same gradients of t′ and b on every rank", () => {
    for (const size of SIZES) {
      const parts = lockstepParts({ form, dtype: "f32", pairs: pairsOf(2 * size), shards: size }, size);
      for (const { loss, dTPrime, dB } of parts) {
        expectSameBits([loss, dTPrime, dB], [parts[0].loss, parts[0].dTPrime, parts[0].dB]);
      }
    }
  });
});
