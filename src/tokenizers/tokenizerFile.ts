/**
 * Reads a tokenizer from its JSON. Strict: ids select rows of the token table, so a file that differs from what `toJSON` writes
 * is refused, with the location and what was expected.
 */
import { isJsonRecord, type JsonValue, readSentencePiece } from "../formats/index.ts";
import { fromBase64 } from "./base64.ts";
import { bpeTokenizer, type Merge } from "./bpe.ts";
import { isCleaning } from "./cleaning.ts";
import { sentencePieceTokenizer } from "./sentencePiece.ts";
import {
  BYTE_IDS,
  byteTokenizers,
  type Tokenizer,
  TokenizerError,
  type TokenizerFile,
  type TokenizerVersion,
} from "./tokenizer.ts";
import { tokenizerJsonTokenizer } from "./tokenizerJson.ts";

const MAX_MERGES = 65536 - BYTE_IDS;

const fail = (what: string): never => {
  throw new TokenizerError(`tokenizer file: ${what}`);
};

/** A short description of a value, for a message. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value === null || typeof value !== "object") return (JSON.stringify(value) ?? String(value)).slice(0, 40);
  return "an object";
}

/** The keys of each kind, beside kind and version, and its newest version. */
const KINDS = {
  bytes: { keys: [], newest: 2 },
  bpe: { keys: ["merges"], newest: 2 },
  sentencepiece: { keys: ["cleaning", "pad", "model"], newest: 1 },
  huggingface: { keys: ["cleaning", "pad", "file"], newest: 1 },
} as const satisfies Record<TokenizerFile["kind"], { keys: readonly string[]; newest: TokenizerVersion }>;

const isKind = (kind: unknown): kind is TokenizerFile["kind"] => typeof kind === "string" && Object.hasOwn(KINDS, kind);

const isVersion = (version: unknown, newest: TokenizerVersion): version is TokenizerVersion =>
  version === 1 || version === newest;

/** The tokenizer that `toJSON` has written. Throws `TokenizerError`, and `FormatError` for a damaged model within. */
export function tokenizerFromJSON(file: unknown): Tokenizer {
  if (file === null || typeof file !== "object" || Array.isArray(file)) {
    return fail(`expected an object with "kind", "version" (and "merges"), found ${shown(file)}`);
  }
  const { kind, version, ...rest } = file as Record<string, unknown>;
  if (!isKind(kind)) {
    const kinds = Object.keys(KINDS).map((each) => `"${each}"`);
    return fail(`"kind" must be ${kinds.slice(0, -1).join(", ")} or ${kinds.at(-1)}, found ${shown(kind)}`);
  }
  const { keys, newest } = KINDS[kind];
  if (!isVersion(version, newest)) {
    const versions = newest === 1 ? "1" : "1 or 2";
    return fail(`"version" must be ${versions}, found ${shown(version)}; a newer siglip-ts may have written it`);
  }
  const unknown = Object.keys(rest).find((key) => !(keys as readonly string[]).includes(key));
  if (unknown !== undefined) return fail(`unknown key ${shown(unknown)} beside "kind": "${kind}"`);
  if (kind === "bytes") return byteTokenizers[version];
  if (kind === "bpe") return bpeTokenizer(mergesOf(rest.merges), version);
  const { cleaning, pad } = rest;
  if (!isCleaning(cleaning)) return fail(`"cleaning" must name a rule for texts, found ${shown(cleaning)}`);
  if (typeof pad !== "number") return fail(`"pad" must be an id, found ${shown(pad)}`);
  if (kind === "sentencepiece") {
    const bytes = typeof rest.model === "string" ? fromBase64(rest.model) : undefined;
    if (bytes === undefined) return fail(`"model" must be a SentencePiece model in base64, found ${shown(rest.model)}`);
    return sentencePieceTokenizer(readSentencePiece(bytes, "model"), { cleaning, pad });
  }
  const contents = rest.file as JsonValue | undefined;
  if (!isJsonRecord(contents)) return fail(`"file" must be the contents of a tokenizer.json, found ${shown(contents)}`);
  return tokenizerJsonTokenizer(contents, "tokenizer.json", { cleaning, pad });
}

function mergesOf(value: unknown): readonly Merge[] {
  if (!Array.isArray(value)) return fail(`"merges" must be an array of pairs of ids, found ${shown(value)}`);
  if (value.length > MAX_MERGES) return fail(`"merges" has ${value.length} pairs, at most ${MAX_MERGES} are allowed`);
  const seen = new Set<number>();
  return value.map((pair: unknown, k): Merge => {
    if (!Array.isArray(pair) || pair.length !== 2) return fail(`merges[${k}] must be two ids, found ${shown(pair)}`);
    const [left, right]: unknown[] = pair;
    const isEarlier = (id: unknown): id is number =>
      Number.isInteger(id) && (id as number) >= 1 && (id as number) < BYTE_IDS + k;
    if (!isEarlier(left) || !isEarlier(right)) {
      const found = `${shown(left)} and ${shown(right)}`;
      return fail(`merges[${k}] may use ids 1..${BYTE_IDS + k - 1}, which exist before it, found ${found}`);
    }
    const key = left * 65536 + right;
    if (seen.has(key)) return fail(`merges[${k}] repeats the pair ${left}, ${right}`);
    seen.add(key);
    return [left, right];
  });
}
