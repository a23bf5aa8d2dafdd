/** Folders that are no SigLIP model, or a damaged one: each gets an error that names the file, the place and what was expected. */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DeferredTensor,
  FormatError,
  npzPieces,
  openNpz,
  openSafetensors,
  readSafetensors,
  type SafetensorsTensor,
  sourceOfBytes,
  writeSafetensors,
} from "../../src/formats/index.ts";
import { openFile, zlib } from "../../src/models/files.ts";
import { loadModel, loadTower } from "../../src/models/index.ts";
import { cpuTime } from "../support/cpuTime.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

/** A copy of a fixture that may be changed. */
function copyOf(path: string): string {
  const folder = join(temporaryFolder(), "model");
  cpSync(released(path), folder, { recursive: true });
  return folder;
}

function errorOf(load: () => unknown): FormatError {
  try {
    load();
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error("no error");
}

/** The error for a folder whose file has another text. */
function errorWith(path: string, file: string, change: (text: string) => string): FormatError {
  const folder = copyOf(path);
  const text = readFileSync(join(folder, file), "utf8");
  const changed = change(text);
  expect(changed).not.toBe(text);
  writeFileSync(join(folder, file), changed);
  return errorOf(() => loadModel(folder));
}

type Json = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: JSON that tests damage in any way
type Editable = any;
const withJson = (change: (json: Editable) => void) => (text: string) => {
  const json = JSON.parse(text) as Json;
  change(json);
  return JSON.stringify(json);
};

describe("a config.json", () => {
  it.each<[string, (text: string) => string, string]>([
    ["truncated", (text) => text.slice(0, 90), "JSON_SYNTAX"],
    ["empty", () => "", "JSON_SYNTAX"],
    ["that is an array", () => "[]", "MODEL_CONFIG"],
    ["with a key twice", (text) => text.replace("{", '{"model_type": "siglip",'), "JSON_DUPLICATE_KEY"],
    ["with 1e400", (text) => text.replace('"hidden_size": 32', '"hidden_size": 1e400'), "JSON_SYNTAX"],
    ["with 2^53 + 1", (text) => text.replace('"hidden_size": 32', '"hidden_size": 9007199254740993'), "JSON_SYNTAX"],
    ["with NaN", (text) => text.replace('"hidden_size": 32', '"hidden_size": NaN'), "JSON_SYNTAX"],
    ["a million deep", () => '{"a":'.repeat(1_000_000), "JSON_SYNTAX"],
  ])("%s is refused", (_, change, code) => {
    expect(errorWith("hf/tiny", "config.json", change).code).toBe(code);
  });

  it.each<[string, (json: Editable) => void, string]>([
    [
      "a size as text",
      (j) => (j.text_config.hidden_size = "768"),
      '/text_config/hidden_size is "768", expected an integer',
    ],
    ["a size of 0", (j) => (j.vision_config.patch_size = 0), "/vision_config/patch_size is 0"],
    ["a negative size", (j) => (j.vision_config.image_size = -1), "/vision_config/image_size is -1"],
    ["a broken size", (j) => (j.text_config.vocab_size = 1.5), "/text_config/vocab_size is 1.5"],
    [
      "a billion layers",
      (j) => (j.text_config.num_hidden_layers = 1e9),
      "/text_config/num_hidden_layers is 1000000000",
    ],
    [
      "heads that do not divide the width",
      (j) => (j.text_config.num_attention_heads = 5),
      "numHeads 5 does not divide width 32",
    ],
    ["patches larger than the image", (j) => (j.vision_config.patch_size = 64), "patchSize 64"],
    [
      "an unknown activation",
      (j) => (j.vision_config.hidden_act = "relu"),
      '/vision_config/hidden_act is "relu", expected one of gelu_pytorch_tanh, gelu',
    ],
    ["an ε of 0", (j) => (j.text_config.layer_norm_eps = 0), "/text_config/layer_norm_eps is 0"],
    ["four channels", (j) => (j.vision_config.num_channels = 4), "/vision_config/num_channels is 4"],
    [
      "no pooling head",
      (j) => (j.vision_config.vision_use_head = false),
      "/vision_config/vision_use_head is false, expected true",
    ],
    ["another projection", (j) => (j.text_config.projection_size = 64), "/text_config/projection_size is 64"],
    ["towers that are no objects", (j) => (j.vision_config = []), "/vision_config is [], expected an object"],
    ["another model", (j) => (j.model_type = "clip"), "a model of type clip, not SigLIP"],
    ["SigLIP 2 of variable resolution", (j) => (j.model_type = "siglip2"), "NaFlex"],
    ["no type", (j) => delete j.model_type, "without a name"],
  ])("with %s is refused, and says which", (_, change, message) => {
    const error = errorWith("hf/tiny", "config.json", withJson(change));
    expect(error.code).toBe("MODEL_CONFIG");
    expect(error.message).toContain(message);
    expect(error.message.length).toBeLessThanOrEqual(500);
  });

  it.each<[string, (json: Editable) => void]>([
    ["16 million layers", (j) => (j.text_config.num_hidden_layers = 2 ** 24)],
    ["16 million tokens", (j) => (j.text_config.vocab_size = 2 ** 24)],
    ["a width of 16 million", (j) => (j.text_config.intermediate_size = 2 ** 24)],
  ])("of %s is refused before memory is taken", (_, change) => {
    let error: FormatError | undefined;
    const time = cpuTime(() => {
      error = errorWith("hf/tiny", "config.json", withJson(change));
    });
    expect(error?.detail).toMatch(/^the configuration is of a model of \d+ numbers, but the file has only 57634$/);
    expect(time).toBeLessThan(3_000);
  });

  it("with keys such as __proto__ changes no object", () => {
    const folder = copyOf("hf/tiny");
    const text = readFileSync(join(folder, "config.json"), "utf8");
    writeFileSync(join(folder, "config.json"), text.replace("{", '{"__proto__": {"polluted": 1}, "constructor": 1,'));
    loadModel(folder);
    expect(({} as Json).polluted).toBeUndefined();
  });
});

describe("an open_clip_config.json", () => {
  it.each<[string, (json: Editable) => void, string]>([
    ["CLIP's", (j) => delete j.model_cfg.init_logit_bias, "a CLIP model, not SigLIP"],
    [
      "of CLIP's own image tower",
      (j) => (j.model_cfg.vision_cfg = { layers: 12, width: 768, patch_size: 16 }),
      "a CLIP model, not SigLIP",
    ],
    [
      "with a causal mask",
      (j) => delete j.model_cfg.text_cfg.no_causal_mask,
      "/model_cfg/text_cfg/no_causal_mask is missing, expected true",
    ],
    [
      "that pools the highest id",
      (j) => delete j.model_cfg.text_cfg.pool_type,
      'pool_type is missing, expected "last"',
    ],
    [
      "with an unknown image tower",
      (j) => {
        j.model_cfg.vision_cfg.timm_model_name = "vit_gigantic_patch16_siglip_224";
        delete j.model_cfg.vision_cfg.timm_model_kwargs;
      },
      'timm_model_name is "vit_gigantic_patch16_siglip_224", expected vit_<size>',
    ],
  ])("%s is refused, and says why", (_, change, message) => {
    expect(errorWith("torch/open_clip/v1", "open_clip_config.json", withJson(change)).message).toContain(message);
  });

  it.each([
    "text.transformer.resblocks.0.mlp.c_fc.weight",
    "visual.trunk.norm.weight",
    "visual.trunk.patch_embed.proj.weight",
    "logit_bias",
  ])("beside tensors without %s is refused by its name", (name) => {
    const folder = copyOf("torch/open_clip/v1");
    rewrite(join(folder, "open_clip_model.safetensors"), (tensors) => tensors.delete(name));
    expect(errorOf(() => loadModel(folder)).message).toContain(name);
  });
});

function rewrite(file: string, change: (tensors: Map<string, SafetensorsTensor>) => void): void {
  const { tensors } = readSafetensors(readFileSync(file), file);
  change(tensors);
  writeFileSync(file, writeSafetensors(tensors));
}

describe("tensors that do not fit", () => {
  const PROBE = "vision_model.head.probe";
  const f32 = (shape: number[]): SafetensorsTensor => ({
    dtype: "F32",
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  });

  it("are listed at once: missing, left over, misshapen, of another type", () => {
    const folder = copyOf("hf/tiny");
    rewrite(join(folder, "model.safetensors"), (tensors) => {
      tensors.delete(PROBE);
      tensors.set("extra\u001b[31m", f32([3000]));
      tensors.set("logit_bias", f32([2]));
      tensors.set("logit_scale", { dtype: "I32", shape: [1], data: new Int32Array(1) });
    });
    const error = errorOf(() => loadModel(folder));
    expect(error.code).toBe("MODEL_MISMATCH");
    expect(error.detail).toBe(
      '4 tensors do not fit: "vision_model.head.probe" [1,1,32] is missing; "logit_scale" is I32, not floating-point; ' +
        '"logit_bias" is [2], not [1]; "extra\\u{1b}[31m" is not part of the model',
    );
  });

  it("of the tower that is not read do not matter, of the other they do", () => {
    const folder = copyOf("hf/tiny");
    rewrite(join(folder, "model.safetensors"), (tensors) => {
      tensors.delete(PROBE);
      tensors.set("text_model.padding", f32([5000]));
    });
    expect(errorOf(() => loadTower(folder, "image")).detail).toContain(PROBE);
    expect(errorOf(() => loadTower(folder, "text")).detail).toContain("text_model.padding");
    rewrite(
      join(folder, "model.safetensors"),
      (tensors) => tensors.delete("text_model.padding") && tensors.set("vision_model.padding", f32([5000])),
    );
    expect(loadTower(folder, "text").layout).toBe("hugging-face");
  });

  it("of kernels that swap their sides are refused, though they have as many numbers", () => {
    const folder = copyOf("hf/tiny");
    const name = "text_model.encoder.layers.0.mlp.fc1.weight";
    rewrite(join(folder, "model.safetensors"), (tensors) => tensors.set(name, f32([32, 80])));
    expect(errorOf(() => loadModel(folder)).detail).toContain(`${name}" is [32,80], not [80,32]`);
  });

  it("such as position_ids of old versions are no part of a model and ignored", () => {
    const folder = copyOf("hf/tiny");
    rewrite(join(folder, "model.safetensors"), (tensors) =>
      tensors.set("text_model.embeddings.position_ids", {
        dtype: "I64",
        shape: [1, 2],
        data: BigInt64Array.of(0n, 1n),
      }),
    );
    expect(loadModel(folder).nonFinite).toBe(0);
  });

  it("NaN and infinity load, and are counted", () => {
    const folder = copyOf("hf/tiny");
    rewrite(join(folder, "model.safetensors"), (tensors) =>
      (tensors.get(PROBE)!.data as Float32Array).set([Number.NaN, 1, -1 / 0]),
    );
    expect(loadModel(folder).nonFinite).toBe(2);
  });
});

describe("a folder", () => {
  it("without a model, or with a pickle alone, says what was expected", () => {
    const folder = temporaryFolder();
    expect(errorOf(() => loadModel(folder)).message).toContain(
      "expected config.json (Hugging Face), open_clip_config.json, model.json (saved here), or one npz file",
    );
    writeFileSync(join(folder, "config.json"), readFileSync(released("hf/tiny/config.json")));
    writeFileSync(join(folder, "pytorch_model.bin"), "");
    expect(errorOf(() => loadModel(folder)).message).toContain(
      "pytorch_model.bin is a pickle, which is not read: save it as safetensors",
    );
  });

  it.each(["../model.safetensors", "/etc/passwd", "a/b.safetensors"])(
    "whose index names the shard %s is refused",
    (shard) => {
      const change = withJson((json) => (json.weight_map.logit_bias = shard));
      expect(errorWith("hf/tiny_sharded", "model.safetensors.index.json", change).code).toBe("ST_INDEX_PATH");
    },
  );

  it("that lacks a shard is refused", () => {
    const folder = copyOf("hf/tiny_sharded");
    rmSync(join(folder, "model-00002-of-00005.safetensors"));
    expect(errorOf(() => loadModel(folder)).detail).toContain("model-00002-of-00005.safetensors is missing");
  });

  it("of links, as in the cache of Hugging Face, is read", () => {
    const folder = temporaryFolder();
    for (const name of ["config.json", "model.safetensors"])
      symlinkSync(released(`hf/tiny/${name}`), join(folder, name));
    expect(loadModel(folder).layout).toBe("hugging-face");
  });

  it("whose weights are a folder or a pipe is refused, and does not block", () => {
    for (const make of [(path: string) => mkdirSync(path), (path: string) => execFileSync("mkfifo", [path])]) {
      const folder = copyOf("hf/tiny");
      rmSync(join(folder, "model.safetensors"));
      make(join(folder, "model.safetensors"));
      expect(errorOf(() => loadModel(folder)).code).toBe("NOT_A_REGULAR_FILE");
    }
  });
});

describe("an npz file", () => {
  it("that is not SigLIP is named as what it is", () => {
    const source = openNpz(sourceOfBytes(readFileSync(released("big_vision/ckpt_plain.npz")), "x"), zlib);
    const save = (rename: (name: string) => string | undefined): string => {
      const path = join(temporaryFolder(), "m.npz");
      const tensors = [...source.entries].flatMap(([name, entry]) => {
        const size = entry.shape.reduce((a, b) => a * b, 1);
        const renamed = rename(name);
        return renamed === undefined
          ? []
          : [[renamed, { ...entry, numbers: () => source.read(name, 0, size).data }] as const];
      });
      writeFileSync(path, Buffer.concat([...npzPieces(new Map(tensors), zlib)]));
      return path;
    };
    const message = (rename: (name: string) => string | undefined) => errorOf(() => loadModel(save(rename))).message;
    expect(message((name) => (name === "b" ? undefined : name))).toContain(
      "without a bias b: CLIP or LiT, trained with softmax",
    );
    expect(message((name) => (name.startsWith("img/") ? name.slice(4) : undefined))).toContain(
      "a vision transformer alone",
    );
    expect(message((name) => (name.startsWith("img/") ? undefined : name))).toContain(
      'arrays such as "b", "t", "txt/Embed_0/embedding"',
    );
    expect(message((name) => `params/${name}`.replace("params/b", "opt/b"))).toContain("without a bias b");
    const misshapen = (name: string): string =>
      message((each) =>
        each === name ? name.replace("kernel", "bias") : each === name.replace("kernel", "bias") ? name : each,
      );
    expect(misshapen("img/Transformer/encoderblock_0/MlpBlock_0/Dense_0/kernel")).toMatch(
      /Dense_0\/kernel" is \[\d+\], expected 2 axes/,
    );
    expect(misshapen("txt/head/kernel")).toMatch(/"txt\/head\/kernel" is \[\d+\], expected 2 axes/);
    expect(message((name) => name.replaceAll("/", "|"))).toContain("not SigLIP of big_vision");
    expect(message((name) => (name === "img/pos_embedding" ? undefined : name))).toContain(
      '"img/pos_embedding" is missing',
    );
    expect(message((name) => (name === "txt/head/bias" ? "img/head/bias" : name))).toMatch(
      /"txt\/head\/bias" \[16\] is missing; "img\/head\/bias" is not part/,
    );
    expect(loadModel(save((name) => name)).layout).toBe("big-vision");
  });
});

/** Whether the temporary folder stores what was never written in no space, and files as large as that. */
function isSparse(): boolean {
  const path = join(mkdtempSync(join(tmpdir(), "siglip-sparse-")), "file");
  try {
    writeFileSync(path, "");
    truncateSync(path, 2 ** 33);
    const { size, blocks } = statSync(path);
    return size === 2 ** 33 && blocks < 2 ** 10;
  } catch {
    return false;
  } finally {
    rmSync(dirname(path), { recursive: true });
  }
}
const SPARSE = isSparse();

it.runIf(SPARSE)("an array of an npz file beyond 4 GiB is read by its position", () => {
  const file = join(temporaryFolder(), "large.npz");
  const numbers = { a: new Uint8Array(2 ** 32 + 8), b: Float32Array.of(1, 2, 3, 4) }; // memory is taken where it is touched
  const tensors = new Map<string, DeferredTensor>([
    ["a", { dtype: "U8", shape: [numbers.a.length], numbers: () => numbers.a }],
    ["b", { dtype: "F32", shape: [4], numbers: () => numbers.b }],
  ]);
  const isLarge = (bytes: Uint8Array): boolean => bytes.length > 2 ** 32;
  const crc32 = (bytes: Uint8Array, before?: number): number => (isLarge(bytes) ? 0 : zlib.crc32(bytes, before));
  const fd = openSync(file, "w");
  let at = 0;
  for (const piece of npzPieces(tensors, { crc32 })) {
    if (!isLarge(piece)) writeSync(fd, piece, 0, piece.length, at);
    at += piece.length;
  }
  closeSync(fd);
  const bytes = openFile(file);
  expect(bytes.size).toBeGreaterThan(2 ** 32);
  expect([...openNpz(bytes, zlib).read("b", 1, 3).data]).toEqual([2, 3]);
  bytes.close();
});

it.runIf(SPARSE)("a tensor beyond 4 GiB is read by its position", () => {
  const file = join(temporaryFolder(), "large.safetensors");
  const gap = 2 ** 32 + 8;
  const header = `{"a":{"dtype":"U8","shape":[${gap}],"data_offsets":[0,${gap}]},"b":{"dtype":"F32","shape":[4],"data_offsets":[${gap},${gap + 16}]}}`;
  const json = header.padEnd(Math.ceil(header.length / 8) * 8);
  const fd = openSync(file, "w");
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  writeSync(fd, length, 0, 8, 0);
  writeSync(fd, json, 8);
  writeSync(fd, new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer), 0, 16, 8 + json.length + gap);
  const bytes = openFile(file);
  expect([...openSafetensors(bytes).read("b", 1, 3).data]).toEqual([2, 3]);
  truncateSync(file, 1000);
  expect(errorOf(() => openSafetensors(bytes).read("b", 1, 3)).code).toBe("FILE_CHANGED");
  bytes.close();
});

it("any edit of a model's files is a typed error or loads", () => {
  const bytes = readFileSync(released("torch/open_clip/v2/open_clip_model.safetensors"));
  const config = readFileSync(released("torch/open_clip/v2/open_clip_config.json"));
  const folder = copyOf("torch/open_clip/v2");
  const paths = ["open_clip_model.safetensors", "open_clip_config.json"].map((name) => join(folder, name));
  const edit = fc.record({ which: fc.nat(1), at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255) });
  const head = 8 + Number(bytes.readBigUInt64LE(0));
  fc.assert(
    fc.property(edit, ({ which, at, byte }) => {
      const originals = [bytes, config];
      const changed = Uint8Array.from(originals[which]);
      changed[Math.min(Math.floor(at * (which === 0 ? head : config.length)), changed.length - 1)] = byte;
      paths.forEach((path, i) => {
        writeFileSync(path, i === which ? changed : originals[i]);
      });
      try {
        loadModel(folder);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }),
    { numRuns: 400 },
  );
});
