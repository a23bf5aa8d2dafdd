import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { filesOf } from "../../src/data/index.ts";
import type { FolderReader } from "../../src/data/pictureFiles.ts";

const root = mkdtempSync(join(tmpdir(), "files-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Makes files, and the folders that they need. */
function make(folder: string, ...files: string[]): string {
  for (const file of files) {
    mkdirSync(join(root, folder, file, ".."), { recursive: true });
    writeFileSync(join(root, folder, file), file);
  }
  return join(root, folder);
}
const fail = (message: string): never => {
  throw new Error(`warned: ${message}`);
};

describe("filesOf", () => {
  it("lists all files of a folder and its subfolders, sorted, with any extension", () => {
    const folder = make("sorted", "b.jpg", "a/z.PNG", "a/IMG_1.HEIC", "c", "a.txt");
    const names = ["a/IMG_1.HEIC", "a/z.PNG", "a.txt", "b.jpg", "c"];
    expect(filesOf([folder], fail)).toEqual(names.map((name) => join(folder, name)));
  });

  it("visits every folder once if links are circular", () => {
    const folder = make("loops", "one/a.png");
    symlinkSync("..", join(folder, "one/up"));
    symlinkSync(folder, join(folder, "one/top"));
    symlinkSync("one", join(folder, "again"));
    const files = filesOf([folder, folder], fail);
    expect(files.map((file) => file.slice(folder.length + 1))).toEqual(["again/a.png"]);
  });

  it("follows a link to a file and to a folder elsewhere", () => {
    const elsewhere = make("elsewhere", "a.png");
    const folder = make("links", "own.png");
    symlinkSync(elsewhere, join(folder, "folder"));
    symlinkSync(join(elsewhere, "a.png"), join(folder, "linked.png"));
    expect(filesOf([folder], fail)).toEqual(
      ["folder/a.png", "linked.png", "own.png"].map((name) => join(folder, name)),
    );
  });

  it("leaves out hidden and service files and folders, unless they are named", () => {
    const hidden = [
      ".git/a.png",
      ".thumbs/b.jpg",
      "@eaDir/c.jpg",
      "._a.jpg",
      "__MACOSX/d.png",
      "Thumbs.db",
      "x/.DS_Store",
    ];
    const folder = make("hidden", "a.jpg", ...hidden);
    expect(filesOf([folder], fail)).toEqual([join(folder, "a.jpg")]);
    const named = [join(folder, ".thumbs"), join(folder, "._a.jpg")];
    expect(filesOf(named, fail)).toEqual([join(folder, ".thumbs/b.jpg"), join(folder, "._a.jpg")]);
  });

  it("warns of a broken link and goes on", () => {
    const folder = make("nowhere", "a.png");
    symlinkSync("gone", join(folder, "dangling\u001b[2J"));
    const warnings: string[] = [];
    expect(filesOf([folder], (message) => warnings.push(message))).toEqual([join(folder, "a.png")]);
    expect(warnings).toEqual([`file "${join(folder, "dangling\\u{1b}[2J")}" cannot be read (ENOENT): skipped`]);
  });

  it("warns of a folder that cannot be read, and leaves out what is not a regular file", () => {
    const tree: Readonly<Record<string, string[] | "file" | "pipe">> = {
      top: ["locked", "open", "pipe"],
      [join("top", "locked")]: [],
      [join("top", "open")]: ["a.png"],
      [join("top", "open", "a.png")]: "file",
      [join("top", "pipe")]: "pipe",
    };
    const fs: FolderReader = {
      stat: (path) => ({
        dev: 1n,
        ino: BigInt(Object.keys(tree).indexOf(path)),
        isFile: () => tree[path] === "file",
        isDirectory: () => Array.isArray(tree[path]),
      }),
      list(path) {
        if (path.endsWith("locked")) throw Object.assign(new Error("no"), { code: "EACCES" });
        return tree[path] as string[];
      },
    };
    const warnings: string[] = [];
    expect(filesOf(["top"], (message) => warnings.push(message), fs)).toEqual([join("top", "open", "a.png")]);
    expect(warnings).toEqual([`folder "${join("top", "locked")}" cannot be read (EACCES): skipped`]);
  });

  it("keeps named paths that are not folders, whether they exist or not", () => {
    expect(filesOf(["nothing/here.png", "/dev/null"], fail)).toEqual(["nothing/here.png", "/dev/null"]);
  });
});
