/**
 * A file system in memory that fails on request, and that forgets at a power cut what a real one may forget.
 *
 * Contents and names are kept twice: as processes see them, and as they are on the disk. `sync` copies contents, `syncFolder`
 * copies names. After `powerCut` any of the changes since then may have reached the disk, in any order: contents may be new,
 * old, cut off or zeros, and each change of a name may have happened or not.
 */
import { basename, dirname } from "node:path";
import type { Fs } from "../../src/cli/fs.ts";

/** The process is gone: nothing it does afterwards has an effect. */
export class Killed extends Error {}

/** What happens at an operation: nothing, an error of the system, or the end of the process. */
export type Fault = string | "kill" | undefined;

interface Inode {
  content: Uint8Array;
  onDisk: Uint8Array;
}
type Names = Map<string, Inode>;
type Change = (names: Names) => void;
interface Folder {
  names: Names;
  onDisk: Names;
  pending: Change[];
}

const systemError = (code: string, what: string): Error => Object.assign(new Error(`${code}: ${what}`), { code });

export class SimulatedFs implements Fs {
  /** Number of operations so far. */
  operations = 0;
  /** Asked before every operation. */
  faultAt: (operation: number, name: string) => Fault = () => undefined;
  /** Bytes that fit. */
  capacity = Number.POSITIVE_INFINITY;
  #dead = false;
  #folders = new Map<string, Folder>();
  #open = new Map<number, Inode>();
  #lastFile = 2;

  /** Bytes that one call of `write` takes at most. */
  readonly #chunk: number;

  constructor(folders: readonly string[], chunk = 100) {
    this.#chunk = chunk;
    for (const path of folders) this.#folders.set(path, { names: new Map(), onDisk: new Map(), pending: [] });
  }

  /** What another process finds after this one was killed. */
  afterKill(): SimulatedFs {
    return this.#copy(
      (inode) => inode.content,
      (folder) => folder.names,
    );
  }

  /** What the next start finds; `choose(n)` gives an integer from 0 to n − 1 for each thing that is left to chance. */
  afterPowerCut(choose: (n: number) => number): SimulatedFs {
    const torn = ({ content, onDisk }: Inode): Uint8Array => {
      if (content === onDisk) return content;
      const way = choose(4);
      if (way === 0) return onDisk;
      if (way === 1) return content;
      return way === 2 ? content.slice(0, choose(content.length + 1)) : new Uint8Array(content.length);
    };
    return this.#copy(torn, ({ onDisk, pending }) => {
      const names = new Map(onDisk);
      for (const change of pending) if (choose(2) === 1) change(names);
      return names;
    });
  }

  #copy(content: (inode: Inode) => Uint8Array, names: (folder: Folder) => Names): SimulatedFs {
    const copy = new SimulatedFs([...this.#folders.keys()], this.#chunk);
    copy.capacity = this.capacity;
    for (const [path, folder] of this.#folders) {
      for (const [name, inode] of names(folder)) copy.put(`${path}/${name}`, content(inode));
    }
    return copy;
  }

  /** Puts a file there, on the disk, past all faults. */
  put(path: string, bytes: Uint8Array): void {
    const inode = { content: bytes, onDisk: bytes };
    const folder = this.#folders.get(dirname(path))!;
    folder.names.set(basename(path), inode);
    folder.onDisk.set(basename(path), inode);
  }

  /** Takes a file away, past all faults. */
  drop(path: string): void {
    const folder = this.#folders.get(dirname(path))!;
    folder.names.delete(basename(path));
    folder.onDisk.delete(basename(path));
  }

  usedBytes(): number {
    let sum = 0;
    for (const { names } of this.#folders.values()) for (const { content } of names.values()) sum += content.length;
    return sum;
  }

  #begin(name: string): void {
    if (this.#dead) throw new Killed();
    const fault = this.faultAt(this.operations++, name);
    if (fault === "kill") {
      this.#dead = true;
      throw new Killed();
    }
    if (fault !== undefined) throw systemError(fault, name);
  }

  #folder(path: string): Folder {
    const folder = this.#folders.get(path);
    if (folder === undefined) throw systemError("ENOENT", path);
    return folder;
  }

  #inode(path: string): Inode {
    const inode = this.#folder(dirname(path)).names.get(basename(path));
    if (inode === undefined) throw systemError("ENOENT", path);
    return inode;
  }

  #change(folder: Folder, change: Change): void {
    change(folder.names);
    folder.pending.push(change);
  }

  read(path: string): Uint8Array {
    this.#begin("read");
    return this.#inode(path).content.slice();
  }

  list(path: string): string[] {
    this.#begin("list");
    return [...this.#folder(path).names.keys()];
  }

  isFolder(path: string): boolean {
    this.#begin("isFolder");
    return this.#folders.has(path);
  }

  makeFolder(path: string): void {
    this.#begin("makeFolder");
    if (this.#folders.has(path)) throw systemError("EEXIST", path);
    this.#folders.set(path, { names: new Map(), onDisk: new Map(), pending: [] });
  }

  open(path: string, mode: "replace" | "new" | "append"): number {
    this.#begin("open");
    const folder = this.#folder(dirname(path));
    const name = basename(path);
    let inode = folder.names.get(name);
    if (inode !== undefined && mode === "new") throw systemError("EEXIST", path);
    if (inode === undefined) {
      inode = { content: new Uint8Array(0), onDisk: new Uint8Array(0) };
      const made = inode;
      this.#change(folder, (names) => names.set(name, made));
    } else if (mode === "replace") {
      inode.content = new Uint8Array(0);
    }
    this.#open.set(++this.#lastFile, inode);
    return this.#lastFile;
  }

  write(file: number, bytes: Uint8Array): number {
    this.#begin("write");
    const inode = this.#open.get(file)!;
    const taken = bytes.subarray(0, Math.min(this.#chunk, this.capacity - this.usedBytes()));
    if (taken.length === 0 && bytes.length > 0) throw systemError("ENOSPC", "write");
    const content = new Uint8Array(inode.content.length + taken.length); // a new one: `onDisk` may be the old one
    content.set(inode.content);
    content.set(taken, inode.content.length);
    inode.content = content;
    return taken.length;
  }

  sync(file: number): void {
    this.#begin("sync");
    const inode = this.#open.get(file)!;
    inode.onDisk = inode.content;
  }

  close(file: number): void {
    this.#begin("close");
    this.#open.delete(file);
  }

  rename(from: string, to: string): void {
    this.#begin("rename");
    const folder = this.#folder(dirname(from));
    const inode = this.#inode(from);
    this.#change(folder, (names) => {
      names.delete(basename(from));
      names.set(basename(to), inode);
    });
  }

  syncFolder(path: string): void {
    this.#begin("syncFolder");
    const folder = this.#folder(path);
    folder.onDisk = new Map(folder.names);
    folder.pending = [];
  }

  remove(path: string): void {
    this.#begin("remove");
    this.#change(this.#folder(dirname(path)), (names) => names.delete(basename(path)));
  }

  freeBytes(): number {
    this.#begin("freeBytes");
    return this.capacity - this.usedBytes();
  }
}
