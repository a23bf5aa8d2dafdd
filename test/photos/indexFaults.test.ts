/**
 * Commits to an index (writer.ts, segments.ts) under all faults of disks and processes: afterwards it is as before the commit or as
 * after it, and after it once the commit has returned.
 */
import { describe, expect, it } from "vitest";
import { PhotoIndexError } from "../../src/photos/segments.ts";
import { isSystemError, RunLockedError, sealedText } from "../../src/run/index.ts";
import { commit, contentsOf, gone, INDEX, openWriter, photo } from "../support/indexes.ts";
import { type Fault, Killed, SimulatedFs } from "../support/simulatedFs.ts";

const BEFORE = { a: 1, b: 2, c: 3 };
const AFTER = { a: 1, b: 9, d: 4 };
const CHANGES = [photo("b", 9), gone("c"), photo("d", 4)];

/** An index of three pictures in two segments, the second of which the next commit merges. */
function disk(): SimulatedFs {
  const fs = new SimulatedFs(["/home/photos"], 200);
  commit(
    fs,
    ["a", "b", "e", "f", "g", "h", "i", "j"].map((file, i) => photo(file, i + 1)),
  );
  commit(fs, [...["e", "f", "g", "h", "i", "j"].map(gone), photo("c", 3)]);
  return fs;
}

/** Commits with a fault at operation `at`; returns whether it was acknowledged, and the error. */
function tryCommit(fs: SimulatedFs, at: number, fault: Fault): { acked: boolean; error?: unknown } {
  const first = fs.operations + at;
  fs.faultAt = (operation) => (operation === first ? fault : undefined);
  try {
    const writer = openWriter(fs);
    writer.commit(CHANGES);
    return { acked: true };
  } catch (error) {
    return { acked: false, error };
  } finally {
    fs.faultAt = () => undefined;
  }
}

/** The number of operations of opening and the commit. */
const OPERATIONS = (() => {
  const fs = disk();
  const before = fs.operations;
  expect(tryCommit(fs, Number.POSITIVE_INFINITY, undefined).acked).toBe(true);
  return fs.operations - before;
})();

let seed = 1;
const choose = (n: number): number => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
};

describe("an index", () => {
  it("whose commit fails with any error at any operation is as before or after it, and the next commit succeeds", () => {
    for (const errno of ["ENOSPC", "EIO"]) {
      for (let at = 0; at < OPERATIONS; at++) {
        const fs = disk();
        const { acked, error } = tryCommit(fs, at, errno);
        if (!acked) expect(isSystemError(error) || error instanceof RunLockedError, String(error)).toBe(true);
        expect(acked ? [AFTER] : [BEFORE, AFTER]).toContainEqual(contentsOf(fs));
        commit(fs, CHANGES);
        expect(contentsOf(fs)).toEqual(AFTER);
      }
    }
  });

  it("whose writer is killed at any operation is as before or after the commit, and keeps no waste", () => {
    for (let at = 0; at < OPERATIONS; at++) {
      const killed = disk();
      const { error } = tryCommit(killed, at, "kill");
      expect(error).toBeInstanceOf(Killed);
      const fs = killed.afterKill();
      expect([BEFORE, AFTER]).toContainEqual(contentsOf(fs));
      commit(fs, CHANGES);
      commit(fs, [photo("z", 5)]);
      expect(contentsOf(fs)).toEqual({ ...AFTER, z: 5 });
      const named = JSON.parse(new TextDecoder().decode(fs.read(`${INDEX}/index.json`))).segments;
      expect(fs.list(INDEX).length).toBe(1 + 2 * named.length);
    }
  });

  it("is as before or after the commit when power fails at any operation, and after it once the commit has returned", () => {
    for (let at = 0; at <= OPERATIONS; at++) {
      for (let sample = 0; sample < 3; sample++) {
        const cut = disk();
        const { acked } = tryCommit(cut, at, "kill");
        expect(acked ? [AFTER] : [BEFORE, AFTER]).toContainEqual(contentsOf(cut.afterPowerCut(choose)));
      }
    }
  });

  it.each(["sync", "syncFolder"])(
    "would be lost by some power cuts if %s did nothing, so the test above can fail",
    (name) => {
      let lost = 0;
      for (let sample = 0; sample < 50; sample++) {
        const fs = disk();
        Object.assign(fs, { [name]: () => undefined });
        tryCommit(fs, Number.POSITIVE_INFINITY, undefined);
        try {
          if (JSON.stringify(contentsOf(fs.afterPowerCut(choose))) !== JSON.stringify(AFTER)) lost++;
        } catch {
          lost++;
        }
      }
      expect(lost).toBeGreaterThan(0);
    },
  );

  it("cut anywhere in any file is read without what was lost, with a warning, and completed by the next commit", () => {
    const whole = disk();
    for (const name of whole.list(INDEX).filter((each) => !each.startsWith("lock"))) {
      const path = `${INDEX}/${name}`;
      const { length } = whole.read(path);
      for (let size = 0; size < length; size += 5) {
        const fs = disk();
        fs.put(path, fs.read(path).slice(0, size));
        const warnings: string[] = [];
        const warn = (message: string): void => void warnings.push(message);
        if (name === "index.json") expect(() => contentsOf(fs)).toThrow(PhotoIndexError);
        else {
          expect(Object.entries(BEFORE)).toEqual(expect.arrayContaining(kept(contentsOf(fs, warn))));
          expect(warnings.length).toBe(1);
        }
        const writer = openWriter(fs, warn);
        expect(warnings.at(-1)).toMatch(/damaged/);
        const missing = [photo("a", 1), photo("b", 2), photo("c", 3)].filter(
          ({ line }) => !writer.known.has(line.file),
        );
        writer.commit([...missing, ...[..."efghij"].map(gone)]);
        writer.release();
        expect(contentsOf(fs)).toEqual(BEFORE);
      }
    }
  });

  it("of a later version is refused, not made again", () => {
    const fs = disk();
    const { sha256: _, ...manifest } = JSON.parse(new TextDecoder().decode(fs.read(`${INDEX}/index.json`)));
    fs.put(`${INDEX}/index.json`, new TextEncoder().encode(sealedText({ ...manifest, version: 2 })));
    for (const use of [() => contentsOf(fs), () => openWriter(fs)])
      expect(use).toThrow(/version 2, this program reads/);
  });
});

/** Without files whose deletion was lost. */
const kept = (contents: Record<string, number>): [string, number][] =>
  Object.entries(contents).filter(([file]) => !"efghij".includes(file));
