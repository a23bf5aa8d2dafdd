/** Both towers against big_vision, every value on the way included, and the variants of them that are offered. */
import { describe, expect, it } from "vitest";
import { constant, noGrad, tanh, type Variable } from "../../../src/autograd/index.ts";
import type { SigLip, SigLipConfig } from "../../../src/siglip/index.ts";
import { type DType, slice, type Tensor, tensor } from "../../../src/tensor/index.ts";
import { type BigVisionSizes, bigVisionModel } from "../../support/bigVisionNames.ts";
import { DTYPES, expectClose, type Golden, Goldens, goldenJson } from "../../support/goldens.ts";
import { expectAsBigVision, type Measured } from "./measured.ts";

const base = new Goldens("big_vision/towers");
const about = goldenJson<{ model: BigVisionSizes; f32_minus_f64: { each: Measured } }>("big_vision/towers");
const variantGoldens = new Goldens("big_vision/towers_variants");
const { variants } = goldenJson<{
  variants: Record<string, { not_in_this_variant: string[]; f32_minus_f64: Measured }>;
}>("big_vision/towers_variants");

const parameters = new Map(base.names("param.").map((name) => [name, base.get(`param.${name}`)] as const));

/** Everything a forward pass shows, under the tower's own names. */
function forward(model: SigLip, images: Tensor, ids: Int32Array): Map<string, Tensor> {
  // Copied out of the heap: what is shown inside a block may be gone after it.
  const seen = new Map<string, readonly [Float32Array | Float64Array, readonly number[]]>();
  const show = (name: string, { value }: Variable): void => {
    seen.set(name, [value.toArray(), value.shape]);
  };
  noGrad(() => {
    show(
      "img/out",
      model.image.forward(images, (name, value) => show(`img/${name}`, value)),
    );
    show(
      "txt/out",
      model.text.forward(ids, (name, value) => show(`txt/${name}`, value)),
    );
    show("zimg", model.embedImages(images));
    show("ztxt", model.embedTexts(ids));
  });
  return new Map([...seen].map(([name, [values, shape]]) => [name, tensor(values, shape, images.dtype)]));
}

/** big_vision's names for what our towers show. */
function named(seen: ReadonlyMap<string, Tensor>, depth: number): Map<string, Tensor> {
  const of = (name: string): Tensor => {
    const found = seen.get(name);
    if (!found) throw new Error(`the towers do not show ${name}`);
    return found;
  };
  const out = new Map<string, Tensor>([
    ["zimg", of("zimg")],
    ["ztxt", of("ztxt")],
    ["img/norm", lengths(of("img/out"))],
    ["txt/norm", lengths(of("txt/out"))],
    ["img/stem", of("img/patches")],
    ["img/with_posemb", of("img/tokens")],
    ["img/encoded", of("img/encoded")],
    ["img/pre_logits_2d", of("img/encoded")],
    ["img/head_input", of("img/pooled")],
    ["img/pre_logits", of("img/preLogits")],
    ["img/logits", of("img/out")],
    ["txt/embedded", of("txt/embedded")],
    ["txt/transformed", of("txt/encoded")],
    ["txt/pre_logits", of("txt/pooled")],
    ["txt/logits", of("txt/out")],
  ]);
  for (let i = 0; i < depth; i++) {
    for (const [tower, theirs] of [
      ["img", "img/encoder"],
      ["txt", "txt"],
    ] as const) {
      const block = `${theirs}/block0${i}`;
      const before = of(i === 0 ? (tower === "img" ? "img/tokens" : "txt/tokens") : `${tower}/block${i - 1}`);
      out.set(`${block}/sa`, of(`${tower}/block${i}/attention`));
      out.set(`${block}/+sa`, sum(before, of(`${tower}/block${i}/attention`)));
      out.set(`${block}/mlp`, of(`${tower}/block${i}/mlp`));
      out.set(`${block}/+mlp`, of(`${tower}/block${i}`));
    }
  }
  return out;
}

const sum = (a: Tensor, b: Tensor): Tensor =>
  tensor(
    a.toArray().map((x, i) => x + b.data[i]),
    a.shape,
    a.dtype,
  );

/** What becomes of the encoded patches, not pooled: without the class token, and after the tanh layer. */
function ofPatches({ image: tower, config }: SigLip, encoded: Tensor): Tensor {
  const patches = config.image.pooling === "tok" ? slice(encoded, 1, 1, encoded.shape[1]) : encoded;
  const layer = tower.preLogits;
  return layer ? noGrad(() => tanh(layer.forward(constant(patches)))).value : patches;
}

const lengths = (x: Tensor): Tensor => {
  const [rows, cols] = x.shape;
  return tensor(
    Array.from({ length: rows }, (_, i) => Math.hypot(...x.view([cols], i * cols).data)),
    [rows],
    x.dtype,
  );
};

/** In the golden's shape: tokens are a grid there. */
const shaped = (x: Tensor, golden: Golden): Tensor => x.view(golden.shape);

describe.each(DTYPES)("in %s, the towers", (dtype) => {
  it("give big_vision's embeddings and every value on the way", () => {
    const model = bigVisionModel(about.model, parameters, dtype);
    const seen = named(forward(model, base.tensor("in.image", dtype), base.ints("in.text")), about.model.depth);
    const measured = about.f32_minus_f64.each;
    const compared = ["f64.", "mid."].flatMap((run) =>
      base
        .names(run)
        .filter((name) => !["t", "b", "t/parameter"].includes(name))
        .map((name) => [run, name] as const),
    );
    expect(compared.length).toBeGreaterThan(25);
    for (const [run, name] of compared) {
      const golden = base.get(`${run}${name}`);
      const actual = shaped(seen.get(name) as Tensor, golden);
      // mid.* was rounded to float32.
      expectAsBigVision(actual, golden, dtype, name, { f64: run === "mid." ? 2e-7 : 1e-12, measured });
    }
  });
});

type Change = (config: SigLipConfig) => SigLipConfig;
const image =
  (part: Partial<SigLipConfig["image"]>): Change =>
  (config) => ({ ...config, image: { ...config.image, ...part } });
const text =
  (part: Partial<SigLipConfig["text"]>): Change =>
  (config) => ({ ...config, text: { ...config.text, ...part } });

const OFFERED: Record<string, Change> = {
  gap: image({ pooling: "mean" }),
  tok: image({ pooling: "tok" }),
  zero: image({ pooling: "first" }),
  sincos2d: image({ posEmb: "sincos2d" }),
  txt_first: text({ pooling: "first" }),
  txt_mean: text({ pooling: "mean" }),
  txt_max: text({ pooling: "max" }),
  txt_map: text({ pooling: "map" }),
  out_16_16: (config) => ({ ...config, embedDim: 16 }),
  rep_size: (config) => image({ repSize: 20 })({ ...config, embedDim: 12 }),
  no_bias: (config) => config, // the towers are the same; b belongs to the loss
  nonsquare: image({ imageSize: [24, 40] }),
  remainder: image({ imageSize: [37, 34] }), // 5 and 2 pixels are left over
  heads_4: (config) => text({ numHeads: 1 })(image({ numHeads: 4 })(config)),
};

describe.each(DTYPES)("in %s, a variant gives big_vision's embeddings:", (dtype) => {
  it.each(Object.entries(OFFERED))("%s", (variant, change) => {
    const { not_in_this_variant: without, f32_minus_f64 } = variants[variant];
    const measured = { ...about.f32_minus_f64.each, ...f32_minus_f64 }; // mid.* is measured for the base alone
    const own = variantGoldens
      .names(`${variant}.param.`)
      .map((name) => [name, variantGoldens.get(`${variant}.param.${name}`)] as const);
    const kept = [...parameters].filter(([name]) => name === "b" || !without.includes(name));
    const model = bigVisionModel(about.model, new Map([...kept, ...own]), dtype, change);
    const images = variantGoldens.has(`${variant}.in.image`)
      ? variantGoldens.tensor(`${variant}.in.image`, dtype)
      : base.tensor("in.image", dtype);
    const seen = named(forward(model, images, base.ints("in.text")), about.model.depth);
    seen.set("img/pre_logits_2d", ofPatches(model, seen.get("img/pre_logits_2d") as Tensor));
    const check = (run: "f64" | "mid", name: string, f64: number): void => {
      const golden = variantGoldens.get(`${variant}.${run}.${name}`);
      const [first] = golden.shape;
      const actual = seen.get(name) as Tensor;
      const rows = actual.view([first, ...actual.shape.slice(1)]); // mid.* has the first 2 rows
      expectAsBigVision(shaped(rows, golden), golden, dtype, name, { f64, measured });
    };
    for (const name of ["zimg", "ztxt", "img/norm", "txt/norm", "img/pre_logits", "txt/pre_logits", "txt/logits"]) {
      check("f64", name, 1e-12);
    }
    for (const name of ["img/with_posemb", "img/pre_logits_2d"]) check("mid", name, 2e-7);
  });
});

it("every variant is offered", () => {
  expect(Object.keys(OFFERED).sort()).toEqual(Object.keys(variants).sort());
});

it("names a shape that does not fit", () => {
  const golden = base.get("f64.zimg");
  expect(() => expectClose(tensor([1, 2], [2]), golden, { tolerance: 1 })).toThrow("shape [2] instead of [6,32]");
  const one: DType = "f64";
  expect(() => expectClose(tensor(new Array(192).fill(2), [6, 32], one), golden, { tolerance: 1e-3 })).toThrow(
    /big_vision\/towers: f64\.zimg: element \d+ is 2 instead of/,
  );
});
