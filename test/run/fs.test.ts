/** Reading and writing files: in the pieces that the system accepts, and never a file that changes meanwhile. */
import * as fs from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { sha256 } from "../../src/run/checkpoint.ts";
import { isSystemError, realFs, utf8, writeAll, writeDurably } from "../../src/run/fs.ts";
import { SimulatedFs } from "../support/simulatedFs.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

/** Substitutes for system calls; each calls the real one unless a test replaces it. */
const system = vi.hoisted(() => ({
  fstatSync: undefined as ((file: number) => { size: number }) | undefined,
  readSync: undefined as
    | ((file: number, bytes: Uint8Array, offset: number, length: number, at: number) => number)
    | undefined,
  writeSync: undefined as ((file: number, bytes: Uint8Array) => number) | undefined,
}));

vi.mock("node:fs", async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  const replaced = {
    fstatSync: (file: number) => (system.fstatSync ?? real.fstatSync)(file),
    readSync: (...args: [number, Uint8Array, number, number, number]) => (system.readSync ?? real.readSync)(...args),
    writeSync: (file: number, bytes: Uint8Array) => (system.writeSync ?? real.writeSync)(file, bytes),
  };
  return { ...real, ...replaced, default: { ...real, ...replaced } };
});

beforeEach(() => {
  Object.assign(system, { fstatSync: undefined, readSync: undefined, writeSync: undefined });
});

function fileWith(text: string): string {
  const path = join(temporaryFolder(), "file");
  fs.writeFileSync(path, text);
  return path;
}

describe("a file that changes while it is read", () => {
  it.each([
    ["grows", (path: string) => fs.appendFileSync(path, "more")],
    ["is cut off", (path: string) => fs.truncateSync(path, 3)],
  ])("(it %s) is an error, not a part of the file", (_, change) => {
    const path = fileWith("a line of text");
    const { readSync } = fs;
    system.readSync = (file, bytes, offset, length, at) => {
      system.readSync = undefined;
      const count = Math.min(length, 7); // half of it, then the change
      const read = readSync(file, bytes, offset, count, at);
      change(path);
      return read;
    };
    expect(() => realFs.read(path)).toThrow(/FILE_CHANGED/);
  });

  it("and an unchanged one is read to its end", () => {
    expect(new TextDecoder().decode(realFs.read(fileWith("a line of text")))).toBe("a line of text");
  });
});

describe("more than 2 GiB", () => {
  const SIZE = 2 ** 31 + 5;
  const isTaken = (length: number): boolean => length > 0 && length < 2 ** 31; // the limit of one system call

  it("is read by position, in the pieces that the system returns", () => {
    const path = fileWith("");
    system.fstatSync = () => ({ size: SIZE });
    let end = 0;
    system.readSync = (_file, bytes, offset, length, at) => {
      expect(isTaken(length)).toBe(true);
      expect([offset, at]).toEqual([end, end]);
      expect(offset + length).toBeLessThanOrEqual(bytes.length);
      end += length;
      return length;
    };
    expect(realFs.read(path).length).toBe(SIZE);
    expect(end).toBe(SIZE);
  });

  it("is written in the pieces that the system accepts", () => {
    let written = 0;
    system.writeSync = (_file, bytes) => {
      expect(isTaken(bytes.length)).toBe(true);
      written += bytes.length;
      return bytes.length;
    };
    writeAll(realFs, 1, new Uint8Array(SIZE));
    expect(written).toBe(SIZE);
  });
});

it("the hash of a text is that of its bytes", () => {
  expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(sha256(utf8("abc"))).toBe(sha256("abc"));
  expect(sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

describe("writeDurably", () => {
  it("on a full disk leaves what was there, nothing half-written, and names the file", () => {
    const disk = new SimulatedFs(["/run"]);
    writeDurably(disk, "/run/report.html", utf8("the first report"));
    disk.capacity = disk.usedBytes() + 4;
    try {
      writeDurably(disk, "/run/report.html", utf8("the second report"));
      expect.unreachable();
    } catch (error) {
      expect(isSystemError(error) && error.code).toBe("ENOSPC");
      expect((error as Error).message).toContain("/run/report.html was not written: ENOSPC");
    }
    expect(disk.list("/run")).toEqual(["report.html"]);
    expect(new TextDecoder().decode(disk.read("/run/report.html"))).toBe("the first report");
  });
});
