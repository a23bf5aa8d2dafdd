import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exitCodeOf } from "../../../src/cli/exitCodes.ts";
import {
  type FormatError,
  readSafetensors,
  type SafetensorsDType,
  type SafetensorsTensor,
  writeSafetensors,
} from "../../../src/formats/index.ts";
import { ConfigError } from "../../../src/run/config.ts";
import { realFs } from "../../../src/run/fs.ts";
import { checkGradientsFile, LossInputsError, readLossInputs, writeGradients } from "../../../src/run/loss/files.ts";
import { SimulatedFs } from "../../support/simulatedFs.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "siglip-loss-files-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const f32 = (shape: number[], ...data: number[]): SafetensorsTensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(data),
});
const f64 = (shape: number[], ...data: number[]): SafetensorsTensor => ({
  dtype: "F64",
  shape,
  data: Float64Array.from(data),
});
const GOOD = {
  "in.u": f32([2, 3], 1, 2, 3, 4, 5, 6),
  "in.v": f32([2, 3], 6, 5, 4, 3, 2, 1),
  "in.t": f32([], 2.5),
  "in.b": f32([1], -10),
};

/** A file system with an inputs.safetensors of valid tensors, except for `changes`; null omits one. */
function holding(changes: Readonly<Record<string, SafetensorsTensor | null>>): SimulatedFs {
  const tensors = Object.entries({ ...GOOD, ...changes }).filter(
    (entry): entry is [string, SafetensorsTensor] => !!entry[1],
  );
  const fs = new SimulatedFs(["/d"]);
  fs.put("/d/inputs", writeSafetensors(new Map(tensors)));
  return fs;
}

function failure(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

describe("inputs of siglip loss", () => {
  it("are read with scalars of shape [] or [1]", () => {
    expect(readLossInputs("/d/inputs", holding({}))).toMatchObject({ tPrime: 2.5, b: -10, batch: 2, dim: 3 });
  });

  it.each<[string, Record<string, SafetensorsTensor | null>, RegExp]>([
    ["a tensor that is missing", { "in.b": null }, /it has no in\.b; it needs/],
    ["sides of different shapes", { "in.v": f32([3, 2], 1, 2, 3, 4, 5, 6) }, /in\.u is \[2, 3\] and in\.v \[3, 2\]/],
    ["rows that are no matrix", { "in.u": f32([6], 1, 2, 3, 4, 5, 6) }, /in\.u is \[6\]/],
    ["an empty batch", { "in.u": f32([0, 4]), "in.v": f32([0, 4]) }, /in\.u is \[0, 4\].*at least 1/],
    ["rows without width", { "in.u": f32([4, 0]), "in.v": f32([4, 0]) }, /in\.u is \[4, 0\].*at least 1/],
    ["t′ of no element", { "in.t": f32([0]) }, /in\.t is \[0\]; it must be one number/],
    ["t′ of three elements", { "in.t": f32([3], 1, 2, 3) }, /in\.t is \[3\]; it must be one number/],
    ["b of one element but two axes", { "in.b": f32([1, 1], 1) }, /in\.b is \[1, 1\]; it must be one number/],
    ["F64 scalars beside F32 rows", { "in.t": f64([], 2.5) }, /in\.t F64, in\.b F32: store all four as F64/],
    ["an F64 side beside an F32 side", { "in.u": f64([2, 3], 1, 2, 3, 4, 5, 6) }, /in\.u F64, in\.v F32/],
    ["integers", { "in.t": { dtype: "I64", shape: [], data: BigInt64Array.of(2n) } }, /in\.t is I64; store it as F64/],
    ["NaN in a row", { "in.v": f32([2, 3], 1, 2, 3, 4, Number.NaN, 6) }, /in\.v holds NaN in row 1, column 1/],
    ["∞ in a row", { "in.u": f32([2, 3], 1, 2, -Infinity, 4, 5, 6) }, /in\.u holds -Infinity in row 0, column 2/],
    ["NaN as t′", { "in.t": f32([], Number.NaN) }, /in\.t holds NaN; every number must be finite/],
    ["∞ as b", { "in.b": f32([1], Number.POSITIVE_INFINITY) }, /in\.b holds Infinity/],
  ])("refuse %s, naming the tensor", (_, changes, says) => {
    const error = failure(() => readLossInputs("/d/inputs", holding(changes)));
    expect(error).toBeInstanceOf(LossInputsError);
    expect(error.message).toMatch(says);
    expect(exitCodeOf(error)).toBe(65);
  });

  it.each(["F64", "F32", "F16", "BF16"] as const)("in %s are taken as the numbers that they are", (dtype) => {
    const bits = { F64: 0, F32: 0, F16: 0x3c00, BF16: 0x3f80 }[dtype]; // 1
    const ones = (shape: number[], n: number): SafetensorsTensor => {
      if (dtype === "F64") return f64(shape, ...new Array(n).fill(1));
      if (dtype === "F32") return f32(shape, ...new Array(n).fill(1));
      return { dtype: dtype satisfies SafetensorsDType, shape, data: new Uint16Array(n).fill(bits) };
    };
    const tensors = { "in.u": ones([2, 3], 6), "in.v": ones([2, 3], 6), "in.t": ones([], 1), "in.b": ones([1], 1) };
    const inputs = readLossInputs("/d/inputs", holding(tensors));
    expect([...inputs.u, ...inputs.v, inputs.tPrime, inputs.b]).toEqual(new Array(14).fill(1));
    expect(inputs.u.constructor).toBe(dtype === "F64" ? Float64Array : Float32Array);
  });

  it("that are missing, a folder, a pipe or a device are refused at once", () => {
    const pipe = at("pipe");
    execFileSync("mkfifo", [pipe]);
    for (const [path, says] of [
      [at("nothing"), /--inputs .*nothing: there is no such file/],
      [join(at("nothing"), "inside"), /there is no such file/],
      [folder, /expected a regular file/],
      [pipe, /expected a regular file/],
      ["/dev/zero", /expected a regular file/],
    ] as const) {
      const error = failure(() => readLossInputs(path));
      expect(error.message).toMatch(says);
      expect(exitCodeOf(error)).toBe(65);
    }
  });

  it("that are cut off anywhere are refused", () => {
    const whole = holding({}).read("/d/inputs");
    for (let length = 0; length < whole.length; length++) {
      const fs = new SimulatedFs(["/d"]);
      fs.put("/d/inputs", whole.subarray(0, length));
      expect((failure(() => readLossInputs("/d/inputs", fs)) as FormatError).name).toBe("FormatError");
    }
  });

  it("that do not fit into memory, and a disk that fails, get a message each", () => {
    const fs = holding({});
    fs.read = () => {
      throw new RangeError("Array buffer allocation failed");
    };
    const large = failure(() => readLossInputs("/d/inputs", fs));
    expect(large.message).toMatch(/too large for the memory of this machine/);
    expect(exitCodeOf(large)).toBe(65);
    const sick = holding({});
    sick.faultAt = () => "EIO";
    const error = failure(() => readLossInputs("/d/inputs", sick));
    expect(error.message).toMatch(/--inputs \/d\/inputs cannot be read: EIO/);
    expect(exitCodeOf(error)).toBe(74);
  });
});

describe("the file of gradients", () => {
  it("is rejected before any work if it cannot be written", () => {
    writeFileSync(at("plain"), "");
    for (const [path, says] of [
      [join(at("nowhere"), "x"), /there is no folder .*nowhere/],
      [join(at("plain"), "x"), /there is no folder .*plain/],
      [folder, /this is a folder/],
      ["/dev/full", /this is not a regular file/],
    ] as const) {
      const error = failure(() => checkGradientsFile(path, undefined));
      expect(error.message).toMatch(says);
      expect(exitCodeOf(error)).toBe(74);
    }
    if (process.getuid?.() !== 0) {
      mkdirSync(at("closed"), { mode: 0o500 });
      expect(exitCodeOf(failure(() => checkGradientsFile(join(at("closed"), "x"), undefined)))).toBe(74);
    }
  });

  it("is never the file of the inputs, by whatever name", () => {
    const inputs = at("in.safetensors");
    writeFileSync(inputs, "inputs");
    linkSync(inputs, at("hard"));
    symlinkSync(inputs, at("soft"));
    symlinkSync(folder, at("folder"));
    for (const name of ["in.safetensors", "./in.safetensors", "hard", "soft", "folder/in.safetensors"]) {
      const error = failure(() => checkGradientsFile(`${folder}/${name}`, inputs));
      expect(error, name).toBeInstanceOf(ConfigError);
      expect(error.message).toMatch(/is the file of --inputs/);
    }
    // The temporary file must not belong to anybody either.
    writeFileSync(at("g.tmp"), "somebody's");
    expect(failure(() => checkGradientsFile(at("g"), at("g.tmp"))).message).toMatch(/g\.tmp is in the way/);
  });

  it("is written to the target of a link, and says which gradients it holds", () => {
    writeFileSync(at("target"), "old");
    symlinkSync(at("target"), at("link"));
    const share = { loss: 1, dtPrime: 2, db: 3, du: Float32Array.of(1, 2), dv: Float32Array.of(3, 4) };
    writeGradients(checkGradientsFile(at("link"), undefined), { batch: 2, dim: 2, dtype: "f32" }, [share, share]);
    expect(realFs.list(folder).filter((name) => name.includes("target"))).toEqual(["target"]);
    const { tensors, metadata } = readSafetensors(readFileSync(at("target")), "target");
    expect(metadata.get("about")).toMatch(
      /grad\.u and grad\.v: gradients of in\.u and in\.v, through the normalization/,
    );
    expect([...tensors.get("grad.u")!.data]).toEqual([1, 2, 1, 2]);
  });

  it("is complete or unchanged, whatever the disk does at any operation; nothing else stays behind", () => {
    const job = { batch: 20, dim: 5, dtype: "f64" } as const;
    const share = { loss: 1, dtPrime: 2, db: 3, du: new Float64Array(100).fill(4), dv: new Float64Array(100).fill(5) };
    const old = new Uint8Array(50).fill(7);
    const disk = (): SimulatedFs => {
      const fs = new SimulatedFs(["/d"]);
      fs.put("/d/g", old);
      return fs;
    };
    const good = disk();
    writeGradients("/d/g", job, [share], good);
    const written = good.read("/d/g");
    fc.assert(
      fc.property(
        fc.nat(good.operations),
        fc.constantFrom("ENOSPC", "EIO", "full", "kill"),
        fc.infiniteStream(fc.nat()),
        (operation, fault, chances) => {
          const fs = disk();
          if (fault === "full") fs.capacity = 60 + operation;
          else fs.faultAt = (n) => (n === operation ? fault : undefined);
          let error: unknown;
          try {
            writeGradients("/d/g", job, [share], fs);
          } catch (caught) {
            error = caught;
          }
          const after = fault === "kill" ? fs.afterPowerCut((n) => chances.next().value % n) : fs;
          after.faultAt = () => undefined;
          expect([old, written]).toContainEqual(after.read("/d/g"));
          if (fault === "kill" || error === undefined) return;
          expect(exitCodeOf(error)).toBe(74);
          expect((error as Error).message).toMatch(/--gradients \/d\/g cannot be written: .*(ENOSPC|EIO)/);
          expect(after.list("/d")).toEqual(["g"]);
        },
      ),
    );
  });
});
