/** Every JSON file of a model and a run, damaged in every way: a typed error, and never a wait. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { FormatError } from "../../src/formats/index.ts";
import { inspectModel, saveModel } from "../../src/models/index.ts";
import { loadTokenizer } from "../../src/run/index.ts";
import { openModel } from "../../src/run/openModel.ts";
import { readRun } from "../../src/run/runFolder.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { tinyModel } from "../support/tinyModel.ts";

interface JsonFile {
  /** The folder that has it: a fixture, or one that is made. */
  readonly from: string | ((folder: string) => void);
  readonly name: string;
  readonly read: (folder: string) => unknown;
}

const tokenizerOf = (folder: string) => loadTokenizer(folder, () => {});
const picturesOf = (folder: string) => openModel(folder, () => {}).pictures;
const saved = (folder: string) => saveModel(tinyModel(), folder, "siglip-ts", { tokenizer: byteTokenizer });

const FILES: Readonly<Record<string, JsonFile>> = {
  "config.json of Hugging Face": { from: "hf/tiny", name: "config.json", read: inspectModel },
  "open_clip_config.json": { from: "torch/open_clip/v2", name: "open_clip_config.json", read: inspectModel },
  "model.json": { from: saved, name: "model.json", read: inspectModel },
  "index of shards": { from: "hf/tiny_sharded", name: "model.safetensors.index.json", read: inspectModel },
  "preprocessor_config.json": { from: "hf/tiny", name: "preprocessor_config.json", read: picturesOf },
  "tokenizer.json": { from: "hf/siglip2", name: "tokenizer.json", read: tokenizerOf },
  "tokenizer_config.json": { from: "hf/tiny", name: "tokenizer_config.json", read: tokenizerOf },
  "config.json of a run": { from: "run/first", name: "config.json", read: readRun },
};

/** A copy of the folder, and its JSON file. */
function copyOf({ from, name }: JsonFile): { readonly folder: string; readonly path: string } {
  const folder = join(temporaryFolder(), "copy");
  if (typeof from === "string") cpSync(released(from), folder, { recursive: true });
  else from(folder);
  return { folder, path: join(folder, name) };
}

function errorOf(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error("no error");
}

const first = (members: string) => (text: string) => text.replace("{", `{${members},`);

const DAMAGE: readonly (readonly [what: string, change: (text: string) => string | Uint8Array, code: string])[] = [
  ["empty", () => "", "JSON_SYNTAX"],
  ["without its last bracket", (text) => text.trimEnd().slice(0, -1), "JSON_SYNTAX"],
  ["with a word after its end", (text) => `${text} x`, "JSON_SYNTAX"],
  ["with a comment", (text) => `// settings\n${text}`, "JSON_SYNTAX"],
  ["with a key twice", first('"a":1,"a":2'), "JSON_DUPLICATE_KEY"],
  ["with 1e400", first('"a":1e400'), "JSON_SYNTAX"],
  ["with 2^53 + 1", first('"a":9007199254740993'), "JSON_SYNTAX"],
  ["with NaN", first('"a":NaN'), "JSON_SYNTAX"],
  ["with Infinity", first('"a":-Infinity'), "JSON_SYNTAX"],
  ["of a million objects in each other", () => '{"a":'.repeat(1_000_000), "JSON_SYNTAX"],
  ["of a million arrays in each other", () => "[".repeat(1_000_000), "JSON_SYNTAX"],
  ["with a byte order mark", (text) => `\ufeff${text}`, "JSON_UTF8"],
  ["with a lone surrogate", first('"a":"\\ud800"'), "JSON_UTF8"],
  ["with bytes that are not UTF-8", (text) => Buffer.concat([Buffer.from('{"\xff":1,', "latin1"), Buffer.from(text)]), "JSON_UTF8"],
  ["in UTF-16", (text) => Buffer.from(text, "utf16le"), "JSON_SYNTAX"],
]; // biome-ignore format: a case a line

/** What stands in place of the file. */
const OTHERS: Readonly<Record<string, (path: string) => void>> = {
  "a folder": (path) => mkdirSync(path),
  "a pipe": (path) => execFileSync("mkfifo", [path]),
  "a link to a device": (path) => symlinkSync("/dev/zero", path),
};

describe.each(Object.entries(FILES))("the %s", (_, file) => {
  it("in order is read", () => {
    expect(() => file.read(copyOf(file).folder)).not.toThrow();
  });

  it("is refused with its name and the byte, whatever its JSON lacks", () => {
    const { folder, path } = copyOf(file);
    const text = readFileSync(path, "utf8");
    for (const [what, change, code] of DAMAGE) {
      writeFileSync(path, change(text));
      const error = errorOf(() => file.read(folder));
      expect(error, what).toMatchObject({ name: "FormatError", code, file: path });
      expect((error as FormatError).message.length, what).toBeLessThanOrEqual(500);
    }
  });

  it("is refused if it is no object", () => {
    const { folder, path } = copyOf(file);
    for (const text of ["[]", "[{}]", "1", "null", "true", '"text"']) {
      writeFileSync(path, text);
      expect(errorOf(() => file.read(folder)).name, text).toMatch(/^(FormatError|PreprocessError|ConfigError)$/);
    }
  });

  it("changes no object by keys such as __proto__", () => {
    const { folder, path } = copyOf(file);
    const poison = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}';
    writeFileSync(path, first(poison)(readFileSync(path, "utf8")));
    try {
      file.read(folder);
    } catch (error) {
      expect((error as Error).name).toMatch(/^(FormatError|PreprocessError|ConfigError)$/);
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each(Object.keys(OTHERS))("is refused if it is %s, without a wait", (kind) => {
    const { folder, path } = copyOf(file);
    rmSync(path);
    OTHERS[kind](path);
    expect(errorOf(() => file.read(folder))).toMatchObject({ name: "FormatError", code: "NOT_A_REGULAR_FILE" });
  });
});

it("100 MB in place of a model's configuration are refused unread", () => {
  const { folder, path } = copyOf(FILES["config.json of Hugging Face"]);
  truncateSync(path, 100_000_000);
  expect(errorOf(() => inspectModel(folder)).message).toContain("100000000 bytes of JSON; at most 67108864 are read");
});
