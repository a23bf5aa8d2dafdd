/**
 * A file system in memory that fails on request, and that loses at a power cut what a real one may lose.
 *
 * Contents and names are stored twice: as processes see them, and as they are on the disk. `sync` copies the contents of a file,
 * `syncFolder` the names in a folder, those of folders among them. After a power cut (`afterPowerCut`) any of the changes since then may have
 * reached the disk, in any order: contents may be new, old, truncated or zeros, and each change of a name may have happened or
 * not. A folder whose name did not reach the disk is lost with its contents.
 */
import { basename, dirname } from "node:path";
import type { Fs } from "../../src/run/fs.ts";

/** The process was killed: nothing it does afterwards has an effect. */
export class Killed extends Error {}

/** The fault of an operation: an error of the system, or the end of the process. */
export type Fault = string | "kill" | undefined;

interface Inode {
  content: Uint8Array;
  onDisk: Uint8Array;
}
type Names = Map<string, Inode | Folder>;
type Change = (names: Names) => void;
interface Folder {
  names: Names;
  onDisk: Names;
  pending: Change[];
}

const isFolder = (node: Inode | Folder | undefined): node is Folder => node !== undefined && "names" in node;
const newFolder = (): Folder => ({ names: new Map(), onDisk: new Map(), pending: [] });
const systemError = (code: string, what: string): Error => Object.assign(new Error(`${code}: ${what}`), { code });

export class SimulatedFs implements Fs {
  /** Number of operations so far. */
  operations = 0;
  /** Called before every operation; `what` is its path, if it has one. */
  faultAt: (operation: number, name: string, what: string) => Fault = () => undefined;
  /** Capacity in bytes. */
  capacity = Number.POSITIVE_INFINITY;
  #dead = false;
  #root = newFolder();
  #open = new Map<number, Inode>();
  #lastFile = 2;

  /** Most bytes that one call of `write` accepts. */
  readonly #chunk: number;

  /** A disk with these folders. */
  constructor(folders: readonly string[], chunk = 100) {
    this.#chunk = chunk;
    for (const path of folders) {
      let folder = this.#root;
      for (const name of path.split("/").filter(Boolean)) {
        const next = folder.names.get(name) ?? newFolder();
        folder.names.set(name, next);
        folder.onDisk.set(name, next);
        folder = next as Folder;
      }
    }
  }

  /** The disk as another process finds it after this one was killed. */
  afterKill(): SimulatedFs {
    return this.#copy(
      (inode) => inode.content,
      (folder) => folder.names,
    );
  }

  /** The disk after a power cut; `choose(n)` gives an integer from 0 to n − 1 for every random choice. */
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
    const copy = new SimulatedFs([], this.#chunk);
    copy.capacity = this.capacity;
    const copied = (folder: Folder): Folder => {
      const entries = [...names(folder)].map(([name, node]): [string, Inode | Folder] => {
        if (isFolder(node)) return [name, copied(node)];
        const bytes = content(node);
        return [name, { content: bytes, onDisk: bytes }];
      });
      return { names: new Map(entries), onDisk: new Map(entries), pending: [] };
    };
    copy.#root = copied(this.#root);
    return copy;
  }

  /** Writes a file to the disk, without faults. */
  put(path: string, bytes: Uint8Array): void {
    const inode = { content: bytes, onDisk: bytes };
    const folder = this.#folder(dirname(path));
    folder.names.set(basename(path), inode);
    folder.onDisk.set(basename(path), inode);
  }

  /** Removes a file, without faults. */
  drop(path: string): void {
    const folder = this.#folder(dirname(path));
    folder.names.delete(basename(path));
    folder.onDisk.delete(basename(path));
  }

  /** Number of files that are open. */
  get openFiles(): number {
    return this.#open.size;
  }

  usedBytes(): number {
    const size = ({ names }: Folder): number =>
      [...names.values()].reduce((sum, node) => sum + (isFolder(node) ? size(node) : node.content.length), 0);
    return size(this.#root);
  }

  #begin(name: string, what = ""): void {
    if (this.#dead) throw new Killed();
    const fault = this.faultAt(this.operations++, name, what);
    if (fault === "kill") {
      this.#dead = true;
      throw new Killed();
    }
    if (fault !== undefined) throw systemError(fault, name);
  }

  #node(path: string): Inode | Folder | undefined {
    let node: Inode | Folder | undefined = this.#root;
    for (const name of path.split("/").filter(Boolean)) {
      if (node === undefined) return undefined;
      if (!isFolder(node)) throw systemError("ENOTDIR", path);
      node = node.names.get(name);
    }
    return node;
  }

  #folder(path: string): Folder {
    const node = this.#node(path);
    if (node === undefined) throw systemError("ENOENT", path);
    if (!isFolder(node)) throw systemError("ENOTDIR", path);
    return node;
  }

  #inode(path: string): Inode {
    const node = this.#node(path);
    if (node === undefined) throw systemError("ENOENT", path);
    if (isFolder(node)) throw systemError("EISDIR", path);
    return node;
  }

  #change(folder: Folder, change: Change): void {
    change(folder.names);
    folder.pending.push(change);
  }

  read(path: string): Uint8Array {
    this.#begin("read", path);
    return this.#inode(path).content.slice();
  }

  list(path: string): string[] {
    this.#begin("list", path);
    return [...this.#folder(path).names.keys()];
  }

  isFolder(path: string): boolean {
    this.#begin("isFolder", path);
    return isFolder(this.#node(path));
  }

  makeFolder(path: string): void {
    this.#begin("makeFolder", path);
    const parent = this.#folder(dirname(path));
    if (this.#node(path) !== undefined) throw systemError("EEXIST", path);
    const made = newFolder();
    this.#change(parent, (names) => names.set(basename(path), made));
  }

  open(path: string, mode: "read" | "replace" | "new" | "append"): number {
    this.#begin("open", path);
    const folder = this.#folder(dirname(path));
    let inode = this.#node(path);
    if (isFolder(inode)) throw systemError("EISDIR", path);
    if (inode !== undefined && mode === "new") throw systemError("EEXIST", path);
    if (inode === undefined && mode === "read") throw systemError("ENOENT", path);
    if (inode === undefined) {
      const made = { content: new Uint8Array(0), onDisk: new Uint8Array(0) };
      inode = made;
      this.#change(folder, (names) => names.set(basename(path), made));
    } else if (mode === "replace") {
      inode.content = new Uint8Array(0);
    }
    this.#open.set(++this.#lastFile, inode);
    return this.#lastFile;
  }

  readAt(file: number, bytes: Uint8Array, position: number): number {
    this.#begin("readAt");
    const part = this.#open.get(file)!.content.subarray(position, position + bytes.length);
    bytes.set(part);
    return part.length;
  }

  write(file: number, bytes: Uint8Array): number {
    this.#begin("write");
    const inode = this.#open.get(file)!;
    const taken = bytes.subarray(0, Math.max(0, Math.min(this.#chunk, this.capacity - this.usedBytes())));
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
    this.#begin("rename", to);
    const folder = this.#folder(dirname(from));
    const inode = this.#inode(from);
    this.#change(folder, (names) => {
      names.delete(basename(from));
      names.set(basename(to), inode);
    });
  }

  syncFolder(path: string): void {
    this.#begin("syncFolder", path);
    const folder = this.#folder(path);
    folder.onDisk = new Map(folder.names);
    folder.pending = [];
  }

  remove(path: string): void {
    this.#begin("remove", path);
    this.#change(this.#folder(dirname(path)), (names) => names.delete(basename(path)));
  }

  removeFolder(path: string): void {
    this.#begin("removeFolder", path);
    if (this.#folder(path).names.size > 0) throw systemError("ENOTEMPTY", path);
    this.#change(this.#folder(dirname(path)), (names) => names.delete(basename(path)));
  }

  freeBytes(): number {
    this.#begin("freeBytes");
    return this.capacity - this.usedBytes();
  }
}
