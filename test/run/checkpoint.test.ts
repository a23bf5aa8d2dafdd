/** Saved checkpoints load to the last bit; damage, and checkpoints of another run, are noticed. */
import { mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CheckpointFolder, sha256 } from "../../src/run/checkpoint.ts";
import {
  codeOf,
  DIGEST,
  diskWith,
  diskWithTwo,
  FOLDER,
  folderOn,
  loadedStep,
  stateAt,
} from "../support/checkpoints.ts";
import type { SimulatedFs } from "../support/simulatedFs.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

describe("a saved checkpoint", () => {
  it("loads to the last bit", () => {
    expect(loadedStep(diskWith(5))).toBe(5);
  });

  it("is not there before the first save", () => {
    expect(folderOn(diskWith()).load(DIGEST)).toBe(undefined);
  });

  it("leaves only its predecessor", () => {
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
      expect(error).toMatchObject({ code: "CKPT_DAMAGED" });
      expect((error as Error).message).toContain("000001-step-1");
    }
    expect(fs.list(FOLDER)).toEqual(before);
  });

  it("of the newest does not count toward the intact ones that are kept", () => {
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

/** A manifest with changed text and a valid seal. */
function resealed(fs: SimulatedFs, path: string, change: (text: string) => string): Uint8Array {
  const text = change(new TextDecoder().decode(fs.read(path)));
  const body = text.slice(0, text.lastIndexOf(","));
  return new TextEncoder().encode(`${body},\n  "sha256": "${sha256(body)}"\n}\n`);
}

describe("a sealed manifest with invalid content", () => {
  const manifest = `${FOLDER}/000002-step-2.manifest.json`;

  it.each([
    ["a step that is a text", '"step": 2', '"step": "2"'],
    ["a step that is not the one in its name", '"step": 2', '"step": 3'],
    ["a step that is an object", '"step": 2', '"step": {}'],
    ["a step below 0", '"step": 2', '"step": -2'],
    ["a step that is not whole", '"step": 2', '"step": 2.5'],
    ["a step beyond exact numbers", '"step": 2', '"step": 1e25'],
    ["a length that is a text", '"bytes": ', '"bytes": "1", "was": '],
    ["a length beyond exact numbers", '"bytes": ', '"bytes": 9007199254740992, "was": '],
    ["a loss that is a text", '"step": 2', '"step": 2, "trainLoss": "low"'],
    ["no files", '"files": [', '"files": [], "were": ['],
  ])("(%s) is skipped, and what is saved later is found", (_, from, to) => {
    const fs = diskWith(1, 2);
    fs.put(
      manifest,
      resealed(fs, manifest, (text) => text.replace(from, to)),
    );
    expect(loadedStep(fs)).toBe(1);
    folderOn(fs).save(stateAt(3), DIGEST);
    expect(loadedStep(fs)).toBe(3);
  });

  it("(nothing at all) is skipped", () => {
    const fs = diskWith(1, 2);
    const body = "{";
    fs.put(manifest, new TextEncoder().encode(`${body},\n  "sha256": "${sha256(body)}"\n}\n`));
    expect(loadedStep(fs)).toBe(1);
  });

  it.each([
    "9007199254740992-step-9007199254740992",
    "99999999999999999999999-step-5",
    "000005-step-99999999999999999999",
  ])("under the name %s hides no later save", (stem) => {
    const fs = diskWith(1, 2);
    const step = /-step-(\d+)/.exec(stem)![1];
    const content = resealed(fs, manifest, (text) =>
      text.replace('"step": 2', `"step": ${step}`).replaceAll("000002-step-2.", `${stem}.`),
    );
    fs.put(`${FOLDER}/${stem}.manifest.json`, content);
    expect(loadedStep(fs)).toBe(2);
    folderOn(fs).save(stateAt(3), DIGEST);
    expect(loadedStep(fs)).toBe(3);
  });

  it("with the highest possible number is an error that names it, and nothing is saved where it would not be found", () => {
    const fs = diskWith(1, 2);
    fs.put(`${FOLDER}/999999999999999-step-7.manifest.json`, fs.read(manifest));
    expect(() => folderOn(fs).save(stateAt(3), DIGEST)).toThrow(
      /999999999999999-step-7\.manifest\.json has the highest possible number; move it away \(CKPT_IO\)/,
    );
    expect(loadedStep(fs)).toBe(2);
  });
});

it("damage found by one reader does not count as kept for another that receives its list", () => {
  const fs = diskWith(1, 2);
  fs.put(`${FOLDER}/000002-step-2.safetensors`, new Uint8Array(3));
  const reader = folderOn(fs);
  expect(reader.load(DIGEST)?.step).toBe(1);
  new CheckpointFolder(FOLDER, { keep: 2, fs, damaged: reader.damaged }).save(stateAt(3), DIGEST);
  fs.put(`${FOLDER}/000003-step-3.safetensors`, new Uint8Array(3));
  expect(loadedStep(fs)).toBe(1);
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
