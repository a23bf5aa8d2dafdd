/**
 * Checkpoints under everything that disks and processes do: after any fault the newest acknowledged checkpoint is there to
 * the last bit, or a newer one is, and never anything else.
 */
import { mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Checkpoint, CheckpointError, CheckpointFolder, sha256 } from "../../src/cli/checkpoint.ts";
import { EXIT } from "../../src/cli/exitCodes.ts";
import type { Fs } from "../../src/cli/fs.ts";
import { type Fault, Killed, SimulatedFs } from "../support/simulatedFs.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const FOLDER = "/run/checkpoint";
const DIGEST = sha256("configuration");

/** The state of a training that depends on its step in every bit that counts. */
const stateAt = (step: number): Checkpoint => ({
  step,
  tensors: new Map([
    ["w", { dtype: "F32", shape: [2, 2], data: Float32Array.of(step, -0, Number.NaN, 1e-45) }],
    ["b", { dtype: "F64", shape: [], data: Float64Array.of(1 / step) }],
  ]),
  meta: { step, rng: [step, 7], name: "emoji" },
});

const folderOn = (fs: Fs): CheckpointFolder => new CheckpointFolder(FOLDER, { keep: 2, fs });

/** A disk with checkpoints 1 and 2. */
const diskWithTwo = (() => {
  const disk = diskWith(1, 2);
  return () => disk.afterKill();
})();

/** A disk with the checkpoints of these steps. */
function diskWith(...steps: number[]): SimulatedFs {
  const fs = new SimulatedFs([FOLDER]);
  for (const step of steps) folderOn(fs).save(stateAt(step), DIGEST);
  return fs;
}

/** The step that a new process finds; throws when anything of it is not as it was at that step. */
function loadedStep(fs: Fs): number {
  const loaded = folderOn(fs).load(DIGEST);
  if (loaded === undefined) return 0;
  const expected = stateAt(loaded.step);
  expect({ ...loaded, warnings: [] }).toEqual({ ...expected, warnings: [] });
  return loaded.step;
}

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof CheckpointError) return error.code;
    throw error;
  }
  return "no error";
};

/** Runs a save with faults; whether it was acknowledged, and what it threw. */
function trySave(fs: SimulatedFs, step: number): { acked: boolean; error?: unknown } {
  try {
    folderOn(fs).save(stateAt(step), DIGEST);
    return { acked: true };
  } catch (error) {
    return { acked: false, error };
  }
}

/** The number of operations of the third save, which also removes the first checkpoint. */
const OPERATIONS = (() => {
  const fs = diskWith(1, 2);
  const before = fs.operations;
  folderOn(fs).save(stateAt(3), DIGEST);
  return fs.operations - before;
})();

/** A disk with checkpoints 1 and 2 on which operation `at` of the save that follows has a fault. */
function faultyDisk(at: number, fault: Fault, { forever = false } = {}): SimulatedFs {
  const fs = diskWithTwo();
  const first = fs.operations + at;
  fs.faultAt = (operation) => (operation === first || (forever && operation > first) ? fault : undefined);
  return fs;
}

describe("a saved checkpoint", () => {
  it("loads to the last bit", () => {
    expect(loadedStep(diskWith(5))).toBe(5);
  });

  it("is not there before the first save", () => {
    expect(folderOn(diskWith()).load(DIGEST)).toBe(undefined);
  });

  it("leaves its predecessor and nothing else", () => {
    const names = diskWith(1, 2, 3, 4).list(FOLDER).sort();
    expect(names).toEqual(
      ["000003-step-3", "000004-step-4"].flatMap((s) => [`${s}.manifest.json`, `${s}.safetensors`, `${s}.state.json`]),
    );
  });

  it("is the same bytes every time", () => {
    const contents = (fs: SimulatedFs): Uint8Array[] =>
      fs
        .list(FOLDER)
        .sort()
        .map((name) => fs.read(`${FOLDER}/${name}`));
    expect(contents(diskWith(1, 2))).toEqual(contents(diskWith(1, 2)));
  });

  it("leaves files with other names alone", () => {
    const fs = diskWith(1, 2);
    fs.put(`${FOLDER}/notes.tmp`, Uint8Array.of(1));
    folderOn(fs).save(stateAt(3), DIGEST);
    expect(fs.list(FOLDER)).toContain("notes.tmp");
  });
});

describe("a save that fails", () => {
  const errors = ["ENOSPC", "EIO", "EACCES", "EROFS", "EMFILE", "EXDEV", "EDQUOT"];

  it.each([false, true])(
    "at any operation with any error (for ever: %s) leaves the last checkpoint whole",
    (forever) => {
      for (let at = 0; at < OPERATIONS; at++) {
        for (const errno of errors) {
          const fs = faultyDisk(at, errno, { forever });
          const { acked, error } = trySave(fs, 3);
          // With the folder unreadable from the start the error may be that of the system.
          if (!acked && !(error instanceof CheckpointError)) expect(error).toMatchObject({ code: errno });
          fs.faultAt = () => undefined;
          expect(loadedStep(fs)).toBeGreaterThanOrEqual(acked ? 3 : 2);
          folderOn(fs).save(stateAt(4), DIGEST);
          expect(loadedStep(fs)).toBe(4);
          expect(fs.list(FOLDER).filter((name) => name.endsWith(".tmp"))).toEqual([]);
        }
      }
    },
  );

  it("on a full disk says how many bytes are needed and free, and gives the part it wrote back", () => {
    const fs = diskWith(1, 2);
    const used = fs.usedBytes();
    fs.capacity = used + 150;
    const { error } = trySave(fs, 3);
    expect(error).toMatchObject({ code: "CKPT_NO_SPACE", exitCode: EXIT.io });
    expect((error as Error).message).toMatch(/\/run\/checkpoint: \d{3} bytes needed, 150 free/);
    expect(fs.usedBytes()).toBe(used);
    expect(loadedStep(fs)).toBe(2);
  });

  it("is foreseen by requireSpace", () => {
    const fs = diskWith(1);
    fs.capacity = fs.usedBytes() + 99;
    expect(codeOf(() => folderOn(fs).requireSpace(99))).toBe("no error");
    expect(codeOf(() => folderOn(fs).requireSpace(100))).toBe("CKPT_NO_SPACE");
  });

  it("in removing old ones is a warning: the new one is saved", () => {
    const fs = diskWith(1, 2);
    fs.faultAt = (_, name) => (name === "remove" ? "EACCES" : undefined);
    expect(folderOn(fs).save(stateAt(3), DIGEST).warnings).toEqual([expect.stringContaining("EACCES")]);
    fs.faultAt = () => undefined;
    expect(loadedStep(fs)).toBe(3);
  });
});

describe("a process that is killed", () => {
  it("at any operation of a save leaves the last checkpoint or the new one", () => {
    for (let at = 0; at < OPERATIONS; at++) {
      const fs = faultyDisk(at, "kill");
      const { error } = trySave(fs, 3);
      expect(error).toBeInstanceOf(Killed);
      expect([2, 3]).toContain(loadedStep(fs.afterKill()));
    }
  });

  it("while it saves a step again does not endanger the first save of it", () => {
    for (let at = 0; at < OPERATIONS; at++) {
      const fs = faultyDisk(at, "kill");
      trySave(fs, 2);
      expect(loadedStep(fs.afterKill())).toBe(2);
    }
  });

  it("leaves nothing that the next two saves do not remove", () => {
    for (let at = 0; at < OPERATIONS; at++) {
      const fs = faultyDisk(at, "kill");
      trySave(fs, 3);
      const next = fs.afterKill();
      for (const step of [4, 5]) folderOn(next).save(stateAt(step), DIGEST);
      expect(next.list(FOLDER)).toHaveLength(6);
    }
  });
});

describe("a power cut", () => {
  const SAMPLES = 20;
  let seed = 1;
  const choose = (n: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };

  /** States after a cut at every operation of a save and after it, in which the last acknowledged checkpoint is not found. */
  function lostStates({ lieAbout, first = false }: { lieAbout?: string; first?: boolean } = {}): number {
    let lost = 0;
    for (let at = 0; at <= OPERATIONS; at++) {
      for (let sample = 0; sample < SAMPLES; sample++) {
        const fs = first ? new SimulatedFs([FOLDER]) : diskWithTwo();
        fs.faultAt = (operation) => (operation === at ? "kill" : undefined);
        if (lieAbout !== undefined) Object.assign(fs, { [lieAbout]: () => undefined });
        const { acked } = trySave(fs, 3);
        try {
          if (loadedStep(fs.afterPowerCut(choose)) < (acked ? 3 : first ? 0 : 2)) lost++;
        } catch (error) {
          if (!(error instanceof CheckpointError)) throw error;
          lost++;
        }
      }
    }
    return lost;
  }

  it("at any operation of a save leaves the last acknowledged checkpoint or the new one", () => {
    expect(lostStates()).toBe(0);
  });

  it("at any operation of the first save leaves no checkpoint or the new one", () => {
    expect(lostStates({ first: true })).toBe(0);
  });

  it("brings back no manifest of a checkpoint that was removed", () => {
    for (let sample = 0; sample < SAMPLES; sample++) {
      const fs = diskWithTwo();
      folderOn(fs).save(stateAt(3), DIGEST);
      const manifests = fs
        .afterPowerCut(choose)
        .list(FOLDER)
        .filter((name) => name.endsWith(".manifest.json"));
      expect(manifests).toHaveLength(2);
    }
  });

  it.each([["sync"], ["syncFolder"]])("would lose some if %s did nothing, so the test above can fail", (name) => {
    expect(lostStates({ lieAbout: name })).toBeGreaterThan(0);
  });
});

describe("damage on the disk", () => {
  const files = ["safetensors", "state.json", "manifest.json"].map((ending) => `${FOLDER}/000002-step-2.${ending}`);

  /** The newest checkpoint with one file changed must be noticed, and the one before it loaded. */
  function expectFallback(path: string, change: (bytes: Uint8Array) => Uint8Array | undefined): void {
    const fs = diskWithTwo();
    const bytes = change(fs.read(path));
    if (bytes === undefined) fs.drop(path);
    else fs.put(path, bytes);
    const loaded = folderOn(fs).load(DIGEST);
    if (loaded?.step !== 1 || loaded.warnings.length !== 1) throw new Error(`loaded step ${loaded?.step}`);
  }

  it.each(files)("a cut of %s at any length is noticed", (path) => {
    const size = diskWithTwo().read(path).length;
    for (let length = 0; length < size; length++) expectFallback(path, (bytes) => bytes.slice(0, length));
  });

  it.each(files)("any flipped bit of %s is noticed", { timeout: 30_000 }, (path) => {
    const size = diskWithTwo().read(path).length;
    for (let bit = 0; bit < size * 8; bit++) {
      expectFallback(path, (bytes) => {
        bytes[bit >> 3] ^= 1 << (bit & 7);
        return bytes;
      });
    }
  });

  it("a manifest that is missing makes its checkpoint one that was never saved", () => {
    const fs = diskWithTwo();
    fs.drop(files[2]);
    expect(loadedStep(fs)).toBe(1);
  });

  it.each(files.slice(0, 2))("%s missing is noticed", (path) => {
    expectFallback(path, () => undefined);
  });

  it.each(files)("%s empty, zeros, garbage or with a byte more is noticed", (path) => {
    expectFallback(path, () => new Uint8Array(0));
    expectFallback(path, (bytes) => new Uint8Array(bytes.length));
    expectFallback(path, (bytes) => bytes.map((_, i) => (i * 97) & 255));
    expectFallback(path, (bytes) => Uint8Array.from([...bytes, 0x0a]));
    expectFallback(path, (bytes) => Uint8Array.from([0xef, 0xbb, 0xbf, ...bytes]));
  });

  it.each(["safetensors", "state.json", "manifest.json"])("the %s of another step is noticed", (ending) => {
    const other = diskWith(1, 2).read(`${FOLDER}/000001-step-1.${ending}`);
    expectFallback(`${FOLDER}/000002-step-2.${ending}`, () => other);
  });

  it("of all checkpoints is an error with exit code 65, and nothing is changed", () => {
    const fs = diskWith(1, 2);
    for (const step of [1, 2]) fs.put(`${FOLDER}/00000${step}-step-${step}.state.json`, new Uint8Array(3));
    const before = fs.list(FOLDER);
    try {
      folderOn(fs).load(DIGEST);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: "CKPT_DAMAGED", exitCode: EXIT.data });
      expect((error as Error).message).toContain("000001-step-1");
    }
    expect(fs.list(FOLDER)).toEqual(before);
  });

  it("of the newest does not count against the whole ones that are kept", () => {
    const fs = diskWith(1, 2);
    fs.put(files[0], new Uint8Array(3));
    const folder = folderOn(fs);
    expect(folder.load(DIGEST)?.step).toBe(1);
    folder.save(stateAt(3), DIGEST);
    fs.put(`${FOLDER}/000003-step-3.safetensors`, new Uint8Array(3));
    expect(loadedStep(fs)).toBe(1);
  });
});

describe("a checkpoint that is not for this program or run", () => {
  it("of a later version is an error that says so, not a fall back", () => {
    const fs = diskWith(1, 2);
    const path = `${FOLDER}/000002-step-2.manifest.json`;
    const text = new TextDecoder().decode(fs.read(path)).replace('"version": 1', '"version": 2');
    const body = text.slice(0, text.lastIndexOf(","));
    fs.put(path, new TextEncoder().encode(`${body},\n  "sha256": "${sha256(body)}"\n}\n`));
    expect(codeOf(() => folderOn(fs).load(DIGEST))).toBe("CKPT_VERSION");
  });

  it("of another configuration is an error, unless no configuration is asked for", () => {
    expect(codeOf(() => folderOn(diskWith(1)).load(sha256("other")))).toBe("CKPT_CONFIG");
    expect(folderOn(diskWith(1)).load()?.step).toBe(1);
  });
});

it("a reader whose checkpoint is removed by the run while it reads gets a newer one", () => {
  const fs = diskWith(1, 2);
  let reads = 0;
  fs.faultAt = (_, name) => {
    if (name !== "read" || ++reads !== 2) return undefined; // after the manifest
    fs.faultAt = () => undefined;
    for (const step of [3, 4]) folderOn(fs).save(stateAt(step), DIGEST);
    return undefined;
  };
  expect(loadedStep(fs)).toBe(4);
});

it("any sequence of saves, faults, damage and restarts ends with the newest acknowledged whole step or a newer one", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("save" as const) }),
    fc.record({ kind: fc.constant("kill" as const), at: fc.nat(OPERATIONS) }),
    fc.record({
      kind: fc.constant("cut power" as const),
      at: fc.nat(OPERATIONS),
      chances: fc.infiniteStream(fc.nat()),
    }),
    fc.record({
      kind: fc.constant("fail" as const),
      at: fc.nat(OPERATIONS),
      errno: fc.constantFrom("ENOSPC", "EIO", "EACCES"),
    }),
    fc.record({ kind: fc.constant("fill disk" as const), left: fc.nat(700) }),
    fc.record({ kind: fc.constant("damage" as const), at: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
      let fs = new SimulatedFs([FOLDER]);
      let folder = folderOn(fs);
      let acked = 0; // the model: the newest step that was reported as saved
      let step = 0;
      for (const act of actions) {
        const start = fs.operations;
        if (act.kind === "kill" || act.kind === "cut power")
          fs.faultAt = (op) => (op === start + act.at ? "kill" : undefined);
        if (act.kind === "fail") fs.faultAt = (op) => (op === start + act.at ? act.errno : undefined);
        if (act.kind === "fill disk") fs.capacity = fs.usedBytes() + act.left;
        step++;
        try {
          folder.save(stateAt(step), DIGEST);
          acked = step;
        } catch (error) {
          if (act.kind === "save" || act.kind === "damage") throw error;
        }
        if (act.kind === "kill") fs = fs.afterKill();
        if (act.kind === "cut power") fs = fs.afterPowerCut((n) => act.chances.next().value! % n);
        fs.faultAt = () => undefined;
        fs.capacity = Number.POSITIVE_INFINITY;
        if (act.kind === "damage") {
          const name = fs.list(FOLDER).find((n) => n.includes(`-step-${step}.safetensors`))!;
          const bytes = fs.read(`${FOLDER}/${name}`);
          bytes[act.at % bytes.length] ^= 1;
          fs.put(`${FOLDER}/${name}`, bytes);
          acked = 0; // whatever is found must be whole; that something is, the tests above show
        }
        folder = folderOn(fs); // a restart
        try {
          const found = folder.load(DIGEST);
          if (found !== undefined) expect({ ...found, warnings: [] }).toEqual({ ...stateAt(found.step), warnings: [] });
          expect(found?.step ?? 0).toBeGreaterThanOrEqual(acked);
        } catch (error) {
          if (act.kind !== "damage" || !(error instanceof CheckpointError)) throw error;
          fs = new SimulatedFs([FOLDER]);
          folder = folderOn(fs);
        }
      }
    }),
  );
});

describe("on the disk of this machine", () => {
  it("checkpoints are saved, loaded and removed", () => {
    const path = temporaryFolder();
    const folder = new CheckpointFolder(path, { keep: 2 });
    expect(folder.load()).toBe(undefined);
    for (const step of [1, 2, 3]) expect(folder.save(stateAt(step), DIGEST).warnings).toEqual([]);
    expect(new CheckpointFolder(path, { keep: 2 }).load(DIGEST)).toEqual({ ...stateAt(3), warnings: [] });
    expect(readdirSync(path)).toHaveLength(6);
    folder.requireSpace(1);
    expect(codeOf(() => folder.requireSpace(2 ** 60))).toBe("CKPT_NO_SPACE");
  });

  it("a folder that is gone, or has become a link, is an error and nothing is written elsewhere", () => {
    const [path, elsewhere] = [join(temporaryFolder(), "checkpoint"), temporaryFolder()];
    mkdirSync(path);
    const folder = new CheckpointFolder(path, { keep: 2 });
    rmSync(path, { recursive: true });
    expect(codeOf(() => folder.save(stateAt(1), DIGEST))).toBe("CKPT_IO");
    symlinkSync(elsewhere, path);
    expect(codeOf(() => folder.save(stateAt(1), DIGEST))).toBe("CKPT_IO");
    expect(readdirSync(elsewhere)).toEqual([]);
  });
});
