import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../src/models/index.ts";
import { writeOpenClip } from "../../src/models/writeOpenClip.ts";
import { type ImageTowerConfig, SIZES, type SigLipConfig, type Size } from "../../src/siglip/index.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

type Gelu = ImageTowerConfig["gelu"];

const modelOf = (size: Size, patchSize: number, imageSize: number, gelu?: Gelu, epsilon?: number): SigLipConfig => ({
  image: { ...size, patchSize, imageSize, pooling: "map", posEmb: "learn", ...(gelu && { gelu }), ...(epsilon && { epsilon }) },
  text: { ...SIZES.B, vocabSize: 32_000, length: 64, pooling: "last" },
  ...{ embedDim: size.width, temperatureInit: 1, biasInit: 0 },
}); // biome-ignore format: a line a tower

/** vision_cfg of a written model. */
function visionOf(config: SigLipConfig): Record<string, unknown> {
  const [text] = writeOpenClip.files(config, new Map(), {}).files.get("open_clip_config.json")!;
  return JSON.parse(new TextDecoder().decode(text)).model_cfg.vision_cfg;
}

describe("an image tower for open_clip", () => {
  it.each<[string, SigLipConfig]>([
    ["vit_base_patch16_siglip_224", modelOf(SIZES.B, 16, 224, "erf")],
    ["vit_base_patch32_siglip_256", modelOf(SIZES.B, 32, 256, "erf")],
    ["vit_large_patch16_siglip_384", modelOf(SIZES.L, 16, 384, "erf")],
    ["vit_so400m_patch14_siglip_378", modelOf(SIZES.So400m, 14, 378, "erf")],
    ["vit_giantopt_patch16_siglip_256", modelOf(SIZES["g-opt"], 16, 256, "tanh")],
  ])("that timm calls %s has this name and no arguments, as open_clip 3.3.0 needs it", (name, config) => {
    const vision = visionOf(config);
    expect(vision.timm_model_name).toBe(name);
    expect(vision).not.toHaveProperty("timm_model_kwargs");
  });

  it.each<[string, SigLipConfig, object]>([
    ["another GELU", modelOf(SIZES.B, 16, 224), { embed_dim: 768, act_layer: "gelu_tanh" }],
    ["another image size", modelOf(SIZES.L, 16, 224, "erf"), { img_size: 224, depth: 24 }],
    ["another patch size", modelOf(SIZES.B, 14, 224, "erf"), { patch_size: 14 }],
    ["another size", modelOf(SIZES.S, 16, 224, "erf"), { embed_dim: 384, num_heads: 6 }],
  ])("with %s says all of it in arguments", (_, config, expected) => {
    expect(visionOf(config).timm_model_kwargs).toMatchObject(expected);
  });

  it("with an ε that timm does not have is refused", () => {
    expect(writeOpenClip.unsupported(modelOf(SIZES.B, 16, 224, "erf", 1e-5))).toEqual([
      "image.epsilon 0.00001: timm's is 1e-6",
    ]);
    expect(writeOpenClip.unsupported(modelOf(SIZES.B, 16, 224, "erf", 1e-6))).toEqual([]);
  });
});

it("of timm's sizes only giantopt has the tanh form of GELU unless the configuration says it", () => {
  const geluOf = (name: string, act?: string): Gelu => {
    const folder = join(temporaryFolder(), "model");
    cpSync(released("torch/open_clip/v1"), folder, { recursive: true });
    const file = join(folder, "open_clip_config.json");
    const json = JSON.parse(readFileSync(file, "utf8"));
    json.model_cfg.vision_cfg.timm_model_name = `vit_${name}_patch16_siglip_384`;
    if (act !== undefined) json.model_cfg.vision_cfg.timm_model_kwargs.act_layer = act;
    writeFileSync(file, JSON.stringify(json));
    return loadModel(folder).config.image.gelu;
  };
  expect(["base", "so400m", "giantopt"].map((name) => geluOf(name))).toEqual(["erf", "erf", "tanh"]);
  expect([geluOf("base", "gelu_tanh"), geluOf("giantopt", "gelu")]).toEqual(["tanh", "erf"]);
});
