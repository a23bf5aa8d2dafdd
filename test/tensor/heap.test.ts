import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  add,
  collect,
  Heap,
  heap,
  keep,
  LifetimeError,
  OutOfMemoryError,
  scope,
  sizeClass,
  storagesIn,
  type Tensor,
  tensor,
  zeros,
} from "../../src/tensor/index.ts";

const counts = () => ({ liveBlocks: heap.liveBlocks, liveBytes: heap.liveBytes });
/** What `body` adds to the live blocks. */
function grown(body: () => unknown): number {
  const before = heap.liveBlocks;
  body();
  return heap.liveBlocks - before;
}

// The kernels take their workspace from the heap at their first use.
beforeAll(() => void add(zeros([2]), zeros([2])));
afterEach(() => {
  heap.poison = false;
});

describe("sizeClass", () => {
  it("holds the requested bytes, wastes less than a quarter beyond 256 bytes, and is its own class", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (bytes) => {
        const size = sizeClass(bytes);
        expect(size).toBeGreaterThanOrEqual(Math.max(bytes, 64));
        expect(size % 64).toBe(0);
        expect(sizeClass(size)).toBe(size);
        if (bytes > 256) expect(size).toBeLessThan(1.25 * bytes);
      }),
      { examples: [[0], [1], [64], [65], [256], [257], [320], [512], [513], [2 ** 30], [2 ** 30 + 1]] },
    );
  });

  it("never falls as the request grows", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 24), fc.nat(2 ** 12), (bytes, more) => {
        expect(sizeClass(bytes + more)).toBeGreaterThanOrEqual(sizeClass(bytes));
      }),
    );
  });
});

describe("a heap", () => {
  it("allocates aligned blocks that never overlap while they live, in any order of allocating and freeing", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ bytes: fc.nat(5000), release: fc.nat(9) }), { maxLength: 60 }), (requests) => {
        const own = new Heap();
        const live: { address: number; bytes: number }[] = [];
        for (const { bytes, release } of requests) {
          if (release < live.length) {
            const [gone] = live.splice(release, 1);
            own.release(gone.address, gone.bytes);
          }
          const address = own.allocate(bytes);
          expect(address % 64).toBe(0);
          expect(address).toBeGreaterThan(0);
          for (const other of live) {
            const apart =
              address + sizeClass(bytes) <= other.address || other.address + sizeClass(other.bytes) <= address;
            expect(apart).toBe(true);
          }
          live.push({ address, bytes });
        }
        expect(own.liveBlocks).toBe(live.length);
        expect(own.liveBytes).toBe(live.reduce((sum, { bytes }) => sum + sizeClass(bytes), 0));
      }),
      { numRuns: 50 },
    );
  });

  it("reserves no new memory when the same sizes come again", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000), { minLength: 1, maxLength: 30 }), (sizes) => {
        const own = new Heap();
        const round = () => {
          const blocks = sizes.map((bytes) => ({ address: own.allocate(bytes), bytes }));
          for (const { address, bytes } of blocks) own.release(address, bytes);
        };
        round();
        const reserved = own.reservedBytes;
        for (let i = 0; i < 3; i++) round();
        expect(own.reservedBytes).toBe(reserved);
        expect([own.liveBlocks, own.liveBytes]).toEqual([0, 0]);
      }),
      { numRuns: 50 },
    );
  });

  it("keeps its numbers when it grows", () => {
    const own = new Heap();
    const first = own.allocate(1024);
    own.f32.fill(7, first / 4, first / 4 + 256);
    const pages = own.bytes.length;
    const second = own.allocate(8 * 2 ** 20);
    expect(own.bytes.length).toBeGreaterThan(pages);
    own.f64[second / 8 + 2 ** 20 - 1] = 3;
    expect(own.f32.subarray(first / 4, first / 4 + 256).every((value) => value === 7)).toBe(true);
  });

  it("says how much was requested and how much is in use when it is full", () => {
    const own = new Heap();
    own.allocate(2 ** 20);
    const ask = () => own.allocate(5 * 2 ** 30);
    expect(ask).toThrow(OutOfMemoryError);
    expect(ask).toThrow(
      "heap: 5120 MiB more do not fit beside 1 MiB in use; split the batch into more shards, or reduce the batch or the model",
    );
    expect(own.liveBlocks).toBe(1);
  });

  it("fills freed memory with NaN when poison is on", () => {
    const own = new Heap();
    own.poison = true;
    const address = own.allocate(64);
    own.f32.fill(1, address / 4, address / 4 + 16);
    own.release(address, 64);
    expect(own.f32.subarray(address / 4, address / 4 + 16).every(Number.isNaN)).toBe(true);
    expect(own.f64.subarray(address / 8, address / 8 + 8).every(Number.isNaN)).toBe(true);
  });
});

describe("scope", () => {
  it("frees the tensors allocated in it and keeps those it returns, also inside arrays, maps and objects", () => {
    const before = counts();
    scope(() => {
      const inner = grown(() => {
        const out = scope(() => {
          const [a, b, c, d] = [zeros([3]), zeros([3]), zeros([3]), zeros([3])];
          add(a, b);
          return {
            list: [a],
            map: new Map([["b", b]]),
            nested: { c },
            number: 3,
            nothing: null,
            missing: undefined,
            d,
          };
        });
        expect([out.list[0], out.map.get("b") as Tensor, out.nested.c, out.d].map(({ data }) => data[0])).toEqual([
          0, 0, 0, 0,
        ]);
      });
      expect(inner).toBe(4);
    });
    expect(counts()).toEqual(before);
  });

  it("moves its result to the enclosing scope, which frees it in turn", () => {
    const before = counts();
    let escaped: Tensor | undefined;
    scope(() => {
      const returned = scope(() => scope(() => zeros([100])));
      expect(returned.data[0]).toBe(0);
      escaped = returned;
    });
    expect(counts()).toEqual(before);
    expect(() => escaped?.data).toThrow(LifetimeError);
  });

  it("keeps a storage as long as one view of it is returned", () => {
    scope(() => {
      const view = scope(() => tensor([1, 2, 3, 4], [2, 2]).view([2], 2));
      expect([...view.data]).toEqual([3, 4]);
    });
  });

  it("frees everything when its body throws, and passes the error on", () => {
    const before = counts();
    let inner: Tensor | undefined;
    const run = () =>
      scope(() => {
        zeros([10]);
        inner = zeros([20]);
        scope(() => {
          zeros([30]);
          throw new RangeError("broken");
        });
      });
    expect(run).toThrow(new RangeError("broken"));
    expect(counts()).toEqual(before);
    expect(() => inner?.data).toThrow(LifetimeError);
    // The stack of scopes is intact.
    expect(grown(() => scope(() => void zeros([5])))).toBe(0);
  });

  it("does not free tensors from outside, nor kept ones", () => {
    const outside = zeros([2]);
    const kept = scope(() => {
      outside.data[0] = 5;
      const inside = keep(tensor([4], [1]));
      expect(keep(inside)).toBe(inside);
      return () => inside; // hidden in a function: the walk over the result does not find it
    });
    expect(outside.data[0]).toBe(5);
    expect(kept().item()).toBe(4);
  });

  it("rejects an asynchronous body", () => {
    expect(() => scope(async () => 1)).toThrow(
      new LifetimeError("scope: the body is asynchronous; a scope ends when its function returns"),
    );
  });

  it("gives the same blocks to the same shapes: a second round reserves nothing", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3000), { minLength: 1, maxLength: 20 }), (sizes) => {
        const round = () => scope(() => void sizes.map((n) => zeros([n])));
        round();
        const reserved = heap.reservedBytes;
        round();
        expect(heap.reservedBytes).toBe(reserved);
      }),
      { numRuns: 30 },
    );
  });
});

describe("a tensor whose memory was freed", () => {
  it("names its shape and its operation, whatever reads it", () => {
    let lost: Tensor | undefined;
    scope(() => {
      lost = add(zeros([2, 3]), 1);
    });
    const x = lost as Tensor;
    const message = "[2, 3] made by add is used after its memory was freed; return it from its scope or keep() it";
    for (const use of [
      () => x.data,
      () => x.toArray(),
      () => add(x, 1),
      () => add(zeros([2, 3]), x),
      () => x.view([6]).data,
    ]) {
      expect(use).toThrow(LifetimeError);
    }
    expect(() => x.data).toThrow(message);
  });

  it("reads as NaN through a stale view when poison is on", () => {
    heap.poison = true;
    let view: Float32Array | Float64Array = new Float32Array(0);
    scope(() => {
      view = tensor([1, 2], [2]).data;
    });
    expect([...view]).toEqual([Number.NaN, Number.NaN]);
  });

  it("is freed once, however often free is called", () => {
    const before = counts();
    const { storage } = zeros([4]);
    storage.free();
    storage.free();
    expect(counts()).toEqual(before);
  });
});

describe("collect", () => {
  it("lists the storages that its body allocated and did not free, and leaves them to the enclosing scope", () => {
    const before = counts();
    scope(() => {
      const { result, made } = collect(() => {
        zeros([1]).storage.free();
        scope(() => zeros([2]).size);
        const kept = zeros([3]);
        return [kept, scope(() => zeros([4]))];
      });
      expect(made.filter(({ live }) => live)).toEqual(result.map(({ storage }) => storage));
      expect(result[1].data[3]).toBe(0);
    });
    expect(counts()).toEqual(before);
  });

  it("leaves them to the enclosing scope when the body throws", () => {
    const before = counts();
    scope(() => {
      const run = () =>
        collect(() => {
          zeros([3]);
          throw new Error("broken");
        });
      expect(run).toThrow("broken");
      expect(heap.liveBlocks).toBe(before.liveBlocks + 1);
    });
    expect(counts()).toEqual(before);
  });
});

describe("storagesIn", () => {
  it("finds each storage once and looks into plain data only", () => {
    scope(() => {
      const x = zeros([2]);
      class Other {
        readonly hidden = x;
      }
      expect([...storagesIn([x, x.view([1]), { x }, new Map([[1, [x]]])])]).toEqual([x.storage]);
      expect(storagesIn([new Other(), 1, "text", null, undefined, () => x]).size).toBe(0);
    });
  });
});
