/**
 * Checkpoints: after a kill, a power cut, a full disk or a flipped bit, a load gives what was saved or an error.
 *
 * One save is one generation of three files in `checkpoint/`:
 *
 *   000007-step-3500.safetensors     tensors
 *   000007-step-3500.state.json      everything else
 *   000007-step-3500.manifest.json   names, sizes and SHA-256 of the two, step, digest of the configuration, own SHA-256
 *
 * Saving: each file is a temporary file → write → fsync → rename; fsync of the folder; then the manifest in the same way.
 * A generation exists once its manifest does. Only then does `save` remove old generations, manifest first. It keeps the
 * newest, and the one with the lowest loss, so that a training that diverges cannot push out a good model.
 * Names are never reused, so no complete generation is overwritten.
 * Loading takes the newest generation whose hashes all match, and reports those that it skips.
 *
 * The order follows Pillai et al. 2014, "All file systems are not created equal" (OSDI).
 */
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import {
  FormatError,
  isJsonRecord,
  type JsonRecord,
  type JsonValue,
  jsonText,
  parseJson,
  readSafetensors,
  type SafetensorsTensor,
  writeSafetensors,
} from "../formats/index.ts";
import { type Fs, isSystemError, realFs, TEMPORARY, utf8, writeDurably } from "./fs.ts";

/** The state of a training after a step. */
export interface Checkpoint {
  /** Completed training steps. */
  readonly step: number;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** All state that is not a tensor: counters, tokenizer, seeds. */
  readonly meta: JsonValue;
  /** Mean loss of the steps since the previous save. */
  readonly trainLoss?: number | undefined;
}

export type CheckpointCode =
  | "CKPT_NO_SPACE"
  | "CKPT_IO"
  | "CKPT_DAMAGED"
  | "CKPT_VERSION"
  | "CKPT_CONFIG"
  | "CKPT_NON_FINITE";

/** A checkpoint cannot be saved or loaded; `code` says why. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
  readonly code: CheckpointCode;

  constructor(code: CheckpointCode, message: string, options?: ErrorOptions) {
    super(`checkpoint: ${message} (${code})`, options);
    this.code = code;
  }
}

interface Manifest {
  readonly step: number;
  readonly configDigest: string;
  /** Absent if nothing was trained since the previous save, and in checkpoints of early versions. */
  readonly trainLoss?: number;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
}

const VERSION = 1;
/** At most 15 digits: every such number, and its successor, is exact in f64. */
const NAME = /^(\d{6,15})-step-(\d{1,15})\.(safetensors|state\.json|manifest\.json)(\.tmp)?$/;
const MANIFEST = ".manifest.json";

/** `update` of a hash takes less than 2 GiB per call. */
const HASHED_AT_ONCE = 2 ** 30;

/** SHA-256 in hexadecimal digits. */
export function sha256(content: Uint8Array | string): string {
  const bytes = typeof content === "string" ? utf8(content) : content;
  const hash = createHash("sha256");
  for (let at = 0; at < bytes.length; at += HASHED_AT_ONCE) hash.update(bytes.subarray(at, at + HASHED_AT_ONCE));
  return hash.digest("hex");
}

/** The checkpoints of one run. Only the process that owns the run may save; any process may load. */
export class CheckpointFolder {
  readonly #path: string;
  readonly #keep: number;
  readonly #fs: Fs;
  /** Manifests that did not load; they do not count toward `keep`. */
  readonly #damaged: Set<string>;

  /** `damaged`: manifests of this folder that another `CheckpointFolder` could not load. */
  constructor(
    path: string,
    { keep, damaged = [], fs = realFs }: { keep: number; damaged?: readonly string[]; fs?: Fs },
  ) {
    this.#path = path;
    this.#keep = keep;
    this.#damaged = new Set(damaged);
    this.#fs = fs;
  }

  /** Whether no checkpoint was ever saved here. */
  isEmpty(): boolean {
    return this.#manifests().length === 0;
  }

  /** Step of the newest checkpoint, intact or not; undefined if none was ever saved. */
  get newestStep(): number | undefined {
    const [newest] = this.#manifests();
    return newest === undefined ? undefined : Number(NAME.exec(newest)![2]);
  }

  /** Names of manifests that did not load. */
  get damaged(): readonly string[] {
    return [...this.#damaged];
  }

  /** Additional bytes for the kept checkpoints and the next one, at `each` bytes per checkpoint. */
  spaceNeeded(each: number): number {
    const present = this.#manifests().filter((name) => !this.#damaged.has(name)).length;
    return Math.max(1, this.#keep + 1 - present) * each;
  }

  /** Throws `CheckpointError` if the disk has fewer than `bytes` free; called before the first step. */
  requireSpace(bytes: number): void {
    const free = this.#fs.freeBytes(this.#path);
    if (free < bytes) throw this.#noSpace(bytes, free);
  }

  /**
   * Returns once the checkpoint would survive a power cut. Throws `CheckpointError` and leaves earlier checkpoints as they
   * were. Failures to remove old checkpoints afterwards are returned as warnings.
   */
  save({ step, tensors, meta, trainLoss }: Checkpoint, configDigest: string): { warnings: string[] } {
    if (!this.#fs.isFolder(this.#path)) {
      throw new CheckpointError("CKPT_IO", `${this.#path} is no longer a folder; the checkpoint was not saved`);
    }
    const files = new Map([
      [".safetensors", writeSafetensors(tensors)],
      [".state.json", utf8(`${jsonText(meta)}\n`)],
    ]);
    try {
      const stem = this.#nextStem(step);
      const listed = [...files].map(([ending, bytes]) => {
        writeDurably(this.#fs, join(this.#path, stem + ending), bytes, { syncName: false });
        return { name: stem + ending, bytes: bytes.length, sha256: sha256(bytes) };
      });
      this.#fs.syncFolder(this.#path);
      const manifest = manifestText({
        step,
        configDigest,
        ...(trainLoss !== undefined && Number.isFinite(trainLoss) ? { trainLoss } : {}),
        files: listed,
      });
      writeDurably(this.#fs, join(this.#path, stem + MANIFEST), utf8(manifest));
    } catch (error) {
      const needed = [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
      throw this.#unsaved(error, needed);
    }
    return { warnings: this.#prune() };
  }

  /**
   * The newest intact checkpoint; undefined if none was ever saved. Throws `CheckpointError` if there are checkpoints but
   * none is intact, or if the newest is from a later version or from a run with another configuration.
   */
  load(configDigest?: string): (Checkpoint & { readonly warnings: string[] }) | undefined {
    const warnings: string[] = [];
    let names = this.#manifests();
    for (let attempt = 0; attempt < 3; attempt++) {
      for (const name of names) {
        if (this.#damaged.has(name)) continue;
        try {
          return { ...this.#loadGeneration(name, configDigest), warnings };
        } catch (error) {
          if (!(error instanceof FormatError) && !isSystemError(error)) throw error;
          this.#damaged.add(name);
          warnings.push(`checkpoint: ${name} is skipped: ${error.message}`);
        }
      }
      // A run in progress may have removed what was listed and saved something newer.
      names = this.#manifests();
      if (names.every((name) => this.#damaged.has(name))) break;
    }
    if (warnings.length === 0 && names.length === 0) return undefined;
    throw new CheckpointError(
      "CKPT_DAMAGED",
      `no intact checkpoint in ${this.#path}; nothing was changed\n${warnings.join("\n")}`,
    );
  }

  /** All intact checkpoints, newest first, read one at a time, each with its file names as a pattern. */
  *whole(configDigest: string): Generator<Checkpoint & { readonly files: string }> {
    for (const name of this.#manifests()) {
      try {
        yield { ...this.#loadGeneration(name, configDigest), files: `${basename(name, MANIFEST)}.*` };
      } catch (error) {
        if (!(error instanceof FormatError) && !(error instanceof CheckpointError) && !isSystemError(error))
          throw error;
      }
    }
  }

  #loadGeneration(name: string, configDigest: string | undefined): Checkpoint {
    const manifest = parseManifest(this.#fs.read(join(this.#path, name)), name);
    const [tensors, state] = manifest.files.map(({ name: file, bytes, sha256: expected }) => {
      const found = this.#fs.read(join(this.#path, file));
      if (found.length !== bytes || sha256(found) !== expected) {
        const detail = `${found.length} bytes with SHA-256 ${sha256(found)}, expected ${bytes} with ${expected}`;
        throw new FormatError("CHECKPOINT_HASH", file, 0, detail);
      }
      return { file, bytes: found };
    });
    if (configDigest !== undefined && configDigest !== manifest.configDigest) {
      throw new CheckpointError(
        "CKPT_CONFIG",
        `${name} belongs to a run with another configuration; compare config.json`,
      );
    }
    return {
      step: manifest.step,
      tensors: readSafetensors(tensors.bytes, tensors.file).tensors,
      meta: parseJson(state.bytes, state.file),
      trainLoss: manifest.trainLoss,
    };
  }

  /** Names of manifests, newest first. */
  #manifests(): string[] {
    const generation = (name: string): number => Number(name.slice(0, name.indexOf("-")));
    return this.#fs
      .list(this.#path)
      .filter((name) => NAME.test(name) && name.endsWith(MANIFEST))
      .sort((a, b) => generation(b) - generation(a));
  }

  /** The stem of the next generation, numbered after every file present; removes what killed saves left behind. */
  #nextStem(step: number): string {
    const names = this.#fs.list(this.#path).filter((name) => NAME.test(name));
    const last = Math.max(0, ...names.map((name) => Number.parseInt(name, 10)));
    const stem = `${String(last + 1).padStart(6, "0")}-step-${step}`;
    if (!NAME.test(stem + MANIFEST)) {
      const highest = names.find((name) => Number.parseInt(name, 10) === last);
      throw new CheckpointError(
        "CKPT_IO",
        `${join(this.#path, `${highest}`)} has the highest possible number; move it away`,
      );
    }
    this.#removeLeftOvers();
    return stem;
  }

  /** Removes temporary files and files of generations without a manifest. */
  #removeLeftOvers(): void {
    const stem = (name: string): string => name.slice(0, name.indexOf("."));
    const whole = new Set(this.#manifests().map(stem));
    for (const name of this.#fs.list(this.#path)) {
      if (!NAME.test(name) || (whole.has(stem(name)) && !name.endsWith(TEMPORARY))) continue;
      this.#fs.remove(join(this.#path, name));
    }
  }

  /**
   * Removes all generations older than the newest `keep` intact ones, except the one with the lowest loss; returns warnings
   * if that fails.
   */
  #prune(): string[] {
    try {
      const names = this.#manifests();
      const whole = names.filter((name) => !this.#damaged.has(name));
      if (whole.length <= this.#keep) return [];
      const best = this.#lowestLoss(whole);
      const old = names.slice(names.indexOf(whole[this.#keep - 1]) + 1).filter((name) => name !== best);
      if (old.length === 0) return [];
      for (const name of old) this.#fs.remove(join(this.#path, name));
      this.#fs.syncFolder(this.#path); // a manifest must not reappear after its files are gone
      this.#removeLeftOvers();
      return [];
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return [`checkpoint: old checkpoints could not be removed: ${error.message}`];
    }
  }

  /** The manifest with the lowest loss, the first among equals; undefined if none has a loss. */
  #lowestLoss(names: readonly string[]): string | undefined {
    let best: { name: string; loss: number } | undefined;
    for (const name of names) {
      try {
        const { trainLoss } = parseManifest(this.#fs.read(join(this.#path, name)), name);
        if (trainLoss !== undefined && !(best && best.loss <= trainLoss)) best = { name, loss: trainLoss };
      } catch (error) {
        if (!(error instanceof FormatError) && !(error instanceof CheckpointError)) throw error;
      }
    }
    return best?.name;
  }

  /** The error for a failed save, after trying to free its bytes on the disk. */
  #unsaved(error: unknown, bytes: number): unknown {
    if (!isSystemError(error)) return error;
    try {
      this.#removeLeftOvers();
    } catch {
      // The next save removes them.
    }
    if (error.code === "ENOSPC" || error.code === "EDQUOT") return this.#noSpace(bytes, this.#freeOrUnknown(), error);
    return new CheckpointError("CKPT_IO", `not saved in ${this.#path}: ${error.message}; earlier ones are intact`, {
      cause: error,
    });
  }

  #freeOrUnknown(): number | undefined {
    try {
      return this.#fs.freeBytes(this.#path);
    } catch {
      return undefined;
    }
  }

  #noSpace(needed: number, free: number | undefined, cause?: Error): CheckpointError {
    const message = `disk full in ${this.#path}: ${needed} bytes needed, ${free ?? "an unknown number"} free; make room; earlier checkpoints are intact`;
    return new CheckpointError("CKPT_NO_SPACE", message, { cause });
  }
}

const manifestText = (manifest: Manifest): string =>
  sealedText({ format: "siglip-ts checkpoint", version: VERSION, ...manifest });

/** A record as JSON whose last field is the hash of the text before that field. */
export function sealedText(record: object): string {
  const body = JSON.stringify(record, null, 2).slice(0, -2);
  return `${body}${seal(body)}`;
}

const seal = (body: string): string => `,\n  "sha256": "${sha256(body)}"\n}\n`;
const SEAL_LENGTH = seal("").length;

/** Parses a sealed text. Throws `FormatError` if it was cut or altered; `name` is for messages. */
export function parseSealed(bytes: Uint8Array, name: string): JsonValue {
  const text = new TextDecoder().decode(bytes);
  const body = text.slice(0, -SEAL_LENGTH);
  if (text.length < SEAL_LENGTH || text.slice(-SEAL_LENGTH) !== seal(body)) {
    throw new FormatError("CHECKPOINT_HASH", name, 0, "the manifest does not end with the hash of its text");
  }
  return parseJson(bytes, name);
}

/** Checks the manifest's own hash, then its version, then its fields. */
function parseManifest(bytes: Uint8Array, name: string): Manifest {
  const record = parseSealed(bytes, name);
  const version = isJsonRecord(record) ? record.version : undefined;
  if (typeof version === "number" && version > VERSION) {
    const message = `${name} has version ${version}, this program reads up to ${VERSION}; use the program that wrote it`;
    throw new CheckpointError("CKPT_VERSION", message);
  }
  if (!isJsonRecord(record) || !isManifest(record, name)) {
    throw new FormatError("CHECKPOINT_MANIFEST", name, 0, "expected step, configDigest and files of this generation");
  }
  return record;
}

const isCount = (value: JsonValue): boolean => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function isManifest(record: JsonRecord, name: string): record is JsonRecord & Manifest {
  const stem = basename(name, MANIFEST);
  const { version, step, configDigest, files, trainLoss } = record;
  if (version !== VERSION || !isCount(step) || !stem.endsWith(`-step-${step}`)) return false;
  if (typeof configDigest !== "string" || (trainLoss !== undefined && typeof trainLoss !== "number")) return false;
  const isListed = (file: JsonValue, ending: string): boolean =>
    isJsonRecord(file) && file.name === stem + ending && isCount(file.bytes) && typeof file.sha256 === "string";
  return (
    Array.isArray(files) &&
    files.length === 2 &&
    isListed(files[0], ".safetensors") &&
    isListed(files[1], ".state.json")
  );
}
