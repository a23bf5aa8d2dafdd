/**
 * The files of a loss (`siglip loss`): `--inputs` with in.u, in.v [B, d], in.t and in.b, and `--gradients`.
 *
 * Inputs come from other programs, so nothing about them is guessed: a wrong shape, type or number is rejected with the name
 * of its tensor. Gradients are written completely or not at all, and never over the inputs.
 */
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  printable,
  readSafetensors,
  type SafetensorsTensor,
  toFloat32,
  writeSafetensors,
} from "../../formats/index.ts";
import { ConfigError } from "../configError.ts";
import { type Fs, isSystemError, realFs, TEMPORARY, writeDurably } from "../fs.ts";
import type { LossInputs, LossJob, LossShare } from "./job.ts";

/** A file of inputs is invalid. */
export class LossInputsError extends Error {
  override readonly name = "LossInputsError";
}

/** A file of inputs cannot be read, or a file of gradients cannot be written. */
export class LossFileError extends Error {
  override readonly name = "LossFileError";
}

const show = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/** The inputs of a safetensors file, in shared memory. Throws `FormatError`, `LossInputsError`, `LossFileError`. */
export function readLossInputs(file: string, fs: Fs = realFs): LossInputs {
  const unusable = (detail: string, options?: ErrorOptions): LossInputsError =>
    new LossInputsError(`--inputs ${printable(file)}: ${detail}`, options);
  try {
    return inputsOf(readSafetensors(fs.read(file), file).tensors, unusable);
  } catch (error) {
    if (isSystemError(error)) {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") {
        throw unusable("there is no such file", { cause: error });
      }
      throw new LossFileError(`--inputs ${printable(file)} cannot be read: ${error.message}`, { cause: error });
    }
    // Larger than the limit of an array, or than free memory.
    if (error instanceof RangeError) {
      throw unusable(`too large for the memory of this machine: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

type Numbers = Float32Array | Float64Array;
type Unusable = (detail: string) => LossInputsError;

function inputsOf(tensors: ReadonlyMap<string, SafetensorsTensor>, unusable: Unusable): LossInputs {
  const take = (name: string): SafetensorsTensor => {
    const found = tensors.get(name);
    if (found) return found;
    throw unusable(`it has no ${name}; it needs in.u and in.v [B, d], in.t (t′ = log t) and in.b`);
  };
  const [u, v, t, b] = [take("in.u"), take("in.v"), take("in.t"), take("in.b")];
  const [batch, dim] = u.shape;
  if (u.shape.length !== 2 || v.shape.join() !== u.shape.join()) {
    throw unusable(`in.u is ${show(u.shape)} and in.v ${show(v.shape)}; both must be [B, d]`);
  }
  if (batch === 0 || dim === 0) throw unusable(`in.u is ${show(u.shape)}; the batch and the width must be at least 1`);
  requireOneType({ "in.u": u, "in.v": v, "in.t": t, "in.b": b }, unusable);
  return {
    u: shared(finite("in.u", u, unusable)),
    v: shared(finite("in.v", v, unusable)),
    tPrime: scalar("in.t", t, unusable),
    b: scalar("in.b", b, unusable),
    batch,
    dim,
  };
}

/** Types that f32 holds exactly. */
const NARROW: readonly string[] = ["F32", "F16", "BF16"];

/** All F64, which is computed in f64, or none: a mixture would silently round the f64 numbers. */
function requireOneType(tensors: Readonly<Record<string, SafetensorsTensor>>, unusable: Unusable): void {
  const types = Object.entries(tensors).map(([name, { dtype }]) => ({ name, dtype }));
  const other = types.find(({ dtype }) => dtype !== "F64" && !NARROW.includes(dtype));
  if (other) throw unusable(`${other.name} is ${other.dtype}; store it as F64, F32, F16 or BF16`);
  if (new Set(types.map(({ dtype }) => dtype === "F64")).size > 1) {
    const found = types.map(({ name, dtype }) => `${name} ${dtype}`).join(", ");
    throw unusable(`${found}: store all four as F64 (computed in f64), or none of them (computed in f32)`);
  }
}

/** The numbers of a tensor: F64 unchanged, others widened to f32. Throws on the first NaN or infinity. */
function finite(name: string, tensor: SafetensorsTensor, unusable: Unusable): Numbers {
  const values = tensor.data instanceof Float64Array ? tensor.data : toFloat32(tensor);
  const bad = values.findIndex((x) => !Number.isFinite(x));
  if (bad < 0) return values;
  const dim = tensor.shape.at(-1) ?? 1;
  const place = tensor.shape.length === 2 ? ` in row ${Math.floor(bad / dim)}, column ${bad % dim}` : "";
  throw unusable(`${name} holds ${values[bad]}${place}; every number must be finite`);
}

function scalar(name: string, tensor: SafetensorsTensor, unusable: Unusable): number {
  const { shape } = tensor;
  if (shape.length > 1 || (shape.length === 1 && shape[0] !== 1)) {
    throw unusable(`${name} is ${show(shape)}; it must be one number, of shape [] or [1]`);
  }
  return finite(name, tensor, unusable)[0];
}

function shared(values: Numbers): Numbers {
  const buffer = new SharedArrayBuffer(values.byteLength);
  const out = values instanceof Float64Array ? new Float64Array(buffer) : new Float32Array(buffer);
  out.set(values);
  return out;
}

const statOf = (path: string) => statSync(path, { bigint: true, throwIfNoEntry: false });

/**
 * The path of the gradients: `file`, or the target of a link. Throws, before any work is done, if writing would fail or would
 * overwrite the inputs.
 */
export function checkGradientsFile(file: string, inputs: string | undefined): string {
  const refused = (detail: string, options?: ErrorOptions): LossFileError =>
    new LossFileError(`--gradients ${printable(file)}: ${detail}`, options);
  try {
    const there = statOf(file);
    if (there?.isDirectory()) throw refused("this is a folder; name a file in it");
    if (there && !there.isFile()) throw refused("this is not a regular file");
    if (!statOf(dirname(file))?.isDirectory()) throw refused(`there is no folder ${printable(dirname(file))}`);
    const path = there ? realpathSync(file) : join(realpathSync(dirname(file)), basename(file));
    const source = inputs === undefined ? undefined : statOf(inputs);
    if (source && there && source.dev === there.dev && source.ino === there.ino) {
      const detail = `--gradients ${file} is the file of --inputs, which it would replace; name another file`;
      throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "--gradients", detail }]);
    }
    if (statOf(path + TEMPORARY)) {
      throw refused(`${printable(path + TEMPORARY)} is in the way: gradients are written there first; move it away`);
    }
    accessSync(dirname(path), constants.W_OK);
    return path;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw refused(`cannot be written: ${error.message}`, { cause: error });
  }
}

/** Metadata of the file: grad.u is not the gradient whose length is printed. */
const ABOUT = new Map([
  [
    "about",
    "grad.u and grad.v: gradients of in.u and in.v, through the normalization; grad.t: gradient of t′ = log t; all of out.loss",
  ],
]);

/** out.loss, grad.u, grad.v [B, d], grad.t, grad.b; the rows in the type of the inputs, the scalars in f64. */
export function writeGradients(
  file: string,
  { batch, dim, dtype }: Pick<LossJob, "batch" | "dim" | "dtype">,
  shares: readonly Pick<LossShare, "loss" | "dtPrime" | "db" | "du" | "dv">[],
  fs: Fs = realFs,
): void {
  const rows = (side: "du" | "dv"): SafetensorsTensor => {
    const data = dtype === "f64" ? new Float64Array(batch * dim) : new Float32Array(batch * dim);
    let at = 0;
    for (const share of shares) {
      const part = share[side] as Numbers;
      data.set(part, at);
      at += part.length;
    }
    return { dtype: dtype === "f64" ? "F64" : "F32", shape: [batch, dim], data };
  };
  const number = (value: number): SafetensorsTensor => ({ dtype: "F64", shape: [], data: Float64Array.of(value) });
  const [{ loss, dtPrime, db }] = shares;
  const tensors = new Map([
    ["grad.b", number(db)],
    ["grad.t", number(dtPrime)],
    ["grad.u", rows("du")],
    ["grad.v", rows("dv")],
    ["out.loss", number(loss)],
  ]);
  try {
    writeDurably(fs, file, writeSafetensors(tensors, ABOUT));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    try {
      fs.remove(file + TEMPORARY); // it did not exist before: see checkGradientsFile
    } catch {
      // The disk fails at everything; the error below says so.
    }
    const message = `--gradients ${printable(file)} cannot be written: ${error.message}; no partial file was left behind`;
    throw new LossFileError(message, { cause: error });
  }
}
