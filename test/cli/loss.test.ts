import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/formats/index.ts";
import type { LossCheck } from "../../src/siglip/lossCheck.ts";
import { Rng } from "../../src/tensor/index.ts";
import { siglip } from "../support/cli.ts";
import { Goldens } from "../support/goldens.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "siglip-loss-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Result {
  readonly loss: number;
  readonly peakBytes: number;
  readonly bytesExchanged: number;
  readonly peakRss: number;
  readonly check?: LossCheck;
  readonly gradient: Readonly<Record<string, number>>;
}
const run = async (...args: string[]): Promise<Result> => {
  const { code, stdout, stderr } = await siglip(["loss", "--batch", "96", "--dim", "24", "--json", ...args]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Result;
};

describe("siglip loss", { timeout: 60_000 }, () => {
  it("gives the same loss and gradients in every form, on any number of devices, and as f64 computes them", async () => {
    const dense = await run("--form", "dense");
    for (const [form, devices] of [
      ["fused", "1"],
      ["fused", "3"],
      ["chunked", "2"],
      ["gather", "4"],
    ]) {
      const other = await run("--form", form, "--devices", devices, "--check", "96");
      expect(other.loss).toBeCloseTo(dense.loss, 5);
      for (const [name, value] of Object.entries(dense.gradient)) {
        expect(other.gradient[name], `${name} of ${form} on ${devices}`).toBeCloseTo(value, 6);
      }
      const { rows, zimgError, ztxtError, ...estimates } = other.check as LossCheck;
      expect(rows).toBe(96);
      expect(zimgError).toBeLessThan(1e-5);
      expect(ztxtError).toBeLessThan(1e-5);
      expect(other.loss).toBeCloseTo(estimates.loss.estimate, 5);
      expect(other.gradient.tPrime).toBeCloseTo(estimates.tPrime.estimate, 6);
      expect(other.gradient.b).toBeCloseTo(estimates.b.estimate, 6);
    }
  });

  it("gives the same softmax loss and gradients in both forms, on any number of devices", async () => {
    const dense = await run("--form", "softmaxDense", "--devices", "1");
    for (const [form, devices] of [
      ["softmax", "1"],
      ["softmax", "3"],
      ["softmaxDense", "2"],
    ]) {
      const other = await run("--form", form, "--devices", devices);
      expect(other.loss).toBeCloseTo(dense.loss, 5);
      for (const [name, value] of Object.entries(dense.gradient)) {
        expect(other.gradient[name], `${name} of ${form} on ${devices}`).toBeCloseTo(value, 6);
      }
    }
  });

  it("takes its inputs from the seed, row by row", async () => {
    const [B, d] = [96, 24];
    const unit = (side: string): number[][] =>
      Array.from({ length: B }, (_, i) => {
        const rng = new Rng(7).split(side).split(i);
        const row = Array.from({ length: d }, () => Math.fround(rng.normal()));
        const norm = Math.hypot(...row);
        return row.map((x) => x / norm);
      });
    const [x, y] = [unit("u"), unit("v")];
    let expected = 0;
    x.forEach((xi, i) => {
      y.forEach((yj, j) => {
        const logit = 10 * xi.reduce((sum, value, k) => sum + value * yj[k], 0) - 10;
        expected += Math.log1p(Math.exp(i === j ? -logit : logit)) / B;
      });
    });
    expect((await run("--seed", "7")).loss).toBeCloseTo(expected, 5);
  });

  it.each(["F64", "F32"] as const)(
    "computes given %s inputs and writes the gradients, equal to PyTorch's",
    async (dtype) => {
      const goldens = new Goldens("torch/losses");
      const example = "sigmoid_B17_d16_0";
      const take = (name: string) => goldens.get(`${example}/${name}`);
      const inputs = new Map(
        ["in.b", "in.t", "in.u", "in.v"].map((name) => {
          const { shape, data } = take(name);
          const values = dtype === "F64" ? Float64Array.from(data) : Float32Array.from(data);
          return [name, { dtype, shape, data: values }];
        }),
      );
      const [input, output] = [join(folder, "in.safetensors"), join(folder, "out.safetensors")];
      writeFileSync(input, writeSafetensors(inputs));
      const { code, stderr } = await siglip(["loss", "--inputs", input, "--gradients", output, "--devices", "1"]);
      expect(code, stderr).toBe(0);
      const { tensors } = readSafetensors(readFileSync(output), output);
      for (const name of ["out.loss", "grad.u", "grad.v", "grad.t", "grad.b"]) {
        const golden = take(name).data;
        const actual = tensors.get(name)?.data as Float64Array;
        const scale = Math.max(...Array.from(golden, Math.abs));
        const errors = Array.from(golden, (value, i) => Math.abs(actual[i] - value) / scale);
        expect(Math.max(...errors), name).toBeLessThan(dtype === "F64" ? 1e-12 : 4e-6);
      }
    },
  );

  it("gives the same figures with a check as without, and says what it found", async () => {
    const [plain, checked] = [await run(), await run("--check", "8")];
    const figures = ({ loss, gradient, bytesExchanged }: Result) => [loss, gradient, bytesExchanged];
    expect(figures(checked)).toEqual(figures(plain));
    // The tile that start-up measured as fastest differs from run to run, and with it the scratch memory.
    expect(checked.peakBytes / plain.peakBytes).toBeCloseTo(1, 0);
    expect(plain.check).toBeUndefined();
    expect(checked.peakRss).toBeGreaterThan(checked.peakBytes);
    const { stdout } = await siglip(["loss", "--batch", "96", "--devices", "2", "--check", "8"]);
    expect(stdout).toMatch(/check +8 rows of images and 8 of texts in f64/);
    expect(stdout).toMatch(/so few rows make the standard errors below rough; check 20 or more/);
    expect(stdout).toMatch(/loss about [\d.]+ ± [\d.e-]+, -?[\d.]+ standard errors off/);
  });

  it("draws which device computed which block at which hop", async () => {
    const { stdout } = await siglip(["loss", "--devices", "3", "--batch", "12", "--draw"]);
    expect(stdout).toMatch(/images 0 +hop 0 ● +hop 1 +hop 2 +device 0/);
    expect(stdout).toMatch(/hop 2: texts 2: device 1 → 0, texts 0: device 2 → 1, texts 1: device 0 → 2/);
  });

  /** A file of two pairs with numbers in one precision. */
  const inputsWith = (name: string, tPrime: number, u = [1, 2, 3, 4, 5, 6]): string => {
    const tensor = (shape: number[], ...data: number[]) => ({
      dtype: "F32" as const,
      shape,
      data: Float32Array.from(data),
    });
    const tensors = {
      "in.u": tensor([2, 3], ...u),
      "in.v": tensor([2, 3], 6, 5, 4, 3, 2, 1),
      "in.t": tensor([], tPrime),
    };
    const file = join(folder, name);
    writeFileSync(file, writeSafetensors(new Map(Object.entries({ ...tensors, "in.b": tensor([1], -5) }))));
    return file;
  };

  it("says what it computed, and labels the two kinds of gradients of rows", async () => {
    const args = ["loss", "--devices", "1", "--inputs", inputsWith("small", 2), "--gradients", join(folder, "g")];
    const { stdout, stderr } = await siglip([...args, "--json"]);
    expect(stderr).toBe("");
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ form: "fused", batch: 2, dim: 3, devices: 1, dtype: "f32", tPrime: 2, b: -5 });
    expect(result.t).toBeCloseTo(Math.exp(2), 12);
    expect(result.zeroRows).toEqual({ u: 0, v: 0 });
    const { tensors } = readSafetensors(readFileSync(join(folder, "g")), "g");
    for (const side of ["u", "v"]) {
      const written = Math.hypot(...(tensors.get(`grad.${side}`)!.data as Float32Array));
      expect(result.gradient[`${side}Norm`]).toBeCloseTo(written, 6);
    }
    expect(result.gradient.uNorm).not.toBeCloseTo(result.gradient.zimgNorm, 3);

    const text = (await siglip(args)).stdout;
    expect(text).toMatch(/^fused loss of 2 pairs of width 3 on 1 device, in f32$/m);
    expect(text).toMatch(/^at +t 7\.3890561 \(t′ 2\) +b -5$/m);
    expect(text).toMatch(/zimg [\d.]+ +ztxt [\d.]+ +\(normalized embeddings\)/);
    expect(text).toMatch(/u [\d.]+ +v [\d.]+ +\(rows before normalization, as written\)/);
    expect(text).toMatch(/^time +[\d.]+ (µs|ms)$/m); // no rates for such short work
    expect(text).not.toMatch(/\d\.\d{9}/);
  });

  it("warns if t′ looks like t, and exits with 76 if a result is not finite", async () => {
    const warned = await siglip(["loss", "--devices", "1", "--json", "--inputs", inputsWith("ten", 10)]);
    expect(warned.code).toBe(0);
    expect(warned.stderr).toMatch(/warning: in\.t holds t′ = log t: 10 means t = 22026; for t = 10 store 2\.3026/);
    for (const [tPrime, form] of [
      [89, "fused"],
      [100, "chunked"],
      [112.3, "softmax"],
    ] as const) {
      const args = ["loss", "--devices", "1", "--json", "--form", form, "--check", "2", "--inputs"];
      if (form === "softmax") args.splice(6, 2);
      const { code, stdout, stderr } = await siglip([...args, inputsWith("large", tPrime)]);
      expect(code, stderr).toBe(76);
      expect(stdout).toBe("");
      expect(stderr).toMatch(
        /siglip: loss: .* at t = [\d.]+e\+\d+ \(t′ = [\d.]+\), b = -5; t exceeds the range of f32/,
      );
    }
  });

  it("starts where --t and --b say: at similarity 0 the loss is B·ln 2, 10.0 and 5.85", async () => {
    for (const [b, expected] of [
      ["0", 128 * Math.LN2],
      ["-10", 10 + 128 * Math.log1p(Math.exp(-10))],
      ["-4.844187", Math.log(128) + 127 * Math.log1p(1 / 127)],
    ] as const) {
      const args = ["loss", "--devices", "1", "--batch", "128", "--dim", "8", "--t", "1e-9", "--b", b, "--json"];
      const { stdout } = await siglip(args);
      expect(JSON.parse(stdout).loss).toBeCloseTo(expected, 4);
      expect(JSON.parse(stdout)).toMatchObject({ b: Number(b) });
    }
  });

  it("counts rows of zeros", async () => {
    const { code, stdout, stderr } = await siglip([
      "loss", "--devices", "2", "--json", "--inputs", inputsWith("zero", 2, [0, 0, 0, 4, 5, 6]),
    ]); // biome-ignore format: one call
    expect(code).toBe(0);
    expect(JSON.parse(stdout).zeroRows).toEqual({ u: 1, v: 0 });
    expect(stderr).toMatch(/warning: rows of zeros: 1 in u, 0 in v/);
  });

  it("says which form needs less memory if one does not fit", async () => {
    for (const [form, small] of [
      ["dense", "fused"],
      ["softmaxDense", "softmax"],
    ]) {
      const { code, stderr } = await siglip(["loss", "--form", form, "--batch", "40000", "--dim", "1"]);
      expect(code).toBe(2);
      expect(stderr).toMatch(new RegExp(`40000 pairs of width 1 do not fit .* use --form ${small},`));
    }
  });

  it("rejects invalid options, naming each", async () => {
    for (const [args, says] of [
      [["--batch", "7", "--devices", "2"], /--devices 2 cannot share a batch of 7 evenly/],
      [["--form", "fast"], /argument 'fast' is invalid. Allowed choices are fused, chunked/],
      [["--form", "dense", "--devices", "2"], /--form dense holds all pairs on one device/],
      [["--dim", "0"], /--dim 0/],
      [["--check", "1"], /--check 1 is not an integer from 2 to 4096/],
      [["--check", "97", "--batch", "96"], /--check 97 is not an integer from 2 to 96/],
      [["--check", "8", "--form", "softmaxDense"], /--check cannot recompute the loss of --form softmaxDense/],
      [["--check", "8", "--form", "softmax"], /--check cannot recompute the loss of --form softmax/],
      [["--devices", "1.5"], /--devices 1\.5/],
      [["--check", "2", "--batch", "1", "--devices", "1"], /there is 1 pair/],
      [["--batch", "3", "--inputs", inputsWith("two", 2)], /--batch 3, but --inputs has 2; leave --batch out/],
      [["--dim", "4", "--inputs", inputsWith("two", 2)], /--dim 4, but --inputs has 3/],
      [["--devices", "0x2"], /--devices 0x2 is not an integer/],
    ] as const) {
      const { code, stderr } = await siglip(["loss", ...args]);
      expect(stderr).toMatch(says);
      expect(code).toBe(2);
    }
  });
});
