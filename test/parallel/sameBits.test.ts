import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alone, type Communicator, CorruptionError, requireSameBits } from "../../src/parallel/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import { Rng, type Tensor, tensor } from "../../src/tensor/index.ts";

/** Tensors a, b, c, ... of these sizes, the same on every rank. */
function alike(sizes: readonly number[], seed: number): Map<string, Tensor> {
  const rng = new Rng(seed);
  return new Map(
    sizes.map((size, i) => {
      const values = Float32Array.from({ length: size }, () => rng.split(i).normal());
      return [String.fromCharCode(97 + i), tensor(values, [size])];
    }),
  );
}

function flip({ data }: Tensor, place: number, bit: number): void {
  new Int32Array(data.buffer, data.byteOffset, data.length)[place % data.length] ^= 1 << bit;
}

/** The error of every rank, or "nothing". */
function thrown(size: number, prepare: (rank: number) => Map<string, Tensor>): (CorruptionError | "nothing")[] {
  return lockstep(size, (comm) => {
    const tensors = prepare(comm.rank);
    try {
      requireSameBits(comm, tensors, "after step 7");
      return "nothing";
    } catch (error) {
      if (error instanceof CorruptionError) return error;
      throw error;
    }
  });
}

const messages = (errors: readonly (CorruptionError | "nothing")[]): string[] =>
  errors.map((error) => (error === "nothing" ? error : error.message));

describe("requireSameBits", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

  it("accepts ranks that hold the same bits", () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 8 }), fc.nat(), (of, size, seed) => {
        expect(thrown(size, () => alike(of, seed))).toEqual(new Array(size).fill("nothing"));
      }),
    );
  });

  it("names, on every rank, the rank and the tensor of any bit that differs", () => {
    const bit = fc.record({ rank: fc.nat(), tensor: fc.nat(), place: fc.nat(), bit: fc.integer({ min: 0, max: 31 }) });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 3, max: 8 }), bit, (of, size, hit) => {
        const rank = hit.rank % size;
        const name = String.fromCharCode(97 + (hit.tensor % of.length));
        const errors = thrown(size, (here) => {
          const tensors = alike(of, 1);
          if (here === rank) flip(tensors.get(name) as Tensor, hit.place, hit.bit);
          return tensors;
        });
        for (const error of errors) {
          expect(error).toBeInstanceOf(CorruptionError);
          expect(error).toMatchObject({
            suspects: [rank],
            message: expect.stringMatching(
              `^after step 7: rank ${rank} of ${size} holds different bits from the rest, in ${name}; .*test the memory`,
            ),
          });
        }
      }),
    );
  });

  const hitOn =
    (ranks: readonly number[], names = "a") =>
    (rank: number) => {
      const tensors = alike([2, 2, 2, 2, 2], 1);
      if (ranks.includes(rank)) for (const name of names) flip(tensors.get(name) as Tensor, 0, 0);
      return tensors;
    };

  it("suspects no rank if the two largest groups are equally large", () => {
    expect(thrown(2, hitOn([1]))).toMatchObject([{ suspects: [] }, { suspects: [] }]);
    expect(messages(thrown(2, hitOn([1])))[0]).toMatch(/^after step 7: ranks 0 and 1 hold different bits, in a;/);
    expect(messages(thrown(4, hitOn([1, 2])))[3]).toMatch(/: ranks \{0, 3\} and \{1, 2\} hold different bits, in a;/);
  });

  it("suspects all ranks outside the largest group, and names at most three tensors", () => {
    const errors = thrown(5, hitOn([1, 4], "abcde"));
    expect(errors[0]).toMatchObject({ suspects: [1, 4] });
    expect(messages(errors)[0]).toMatch(/: ranks 1, 4 of 5 hold different bits from the rest, in a, b, c and 2 more;/);
  });

  it("costs a single device nothing, and several devices one exchange", () => {
    const nobody: Communicator = { ...alone, allGather: () => expect.fail("asked") };
    requireSameBits(nobody, alike([3], 1), "at the start");
    const calls = lockstep(3, (comm) => {
      requireSameBits(comm, alike([3, 4], 1), "at the start");
      return comm.calls;
    });
    expect(calls).toEqual([1, 1, 1]);
  });
});
