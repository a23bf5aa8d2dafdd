/**
 * Reads a tokenizer from its JSON. Strict: ids select rows of the token table, so a file that differs from what `toJSON` writes
 * is refused, with the location and what was expected.
 */
import { bpeTokenizer, type Merge } from "./bpe.ts";
import { BYTE_IDS, byteTokenizers, type Tokenizer, TokenizerError } from "./tokenizer.ts";

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

/** The tokenizer that `toJSON` has written. Throws `TokenizerError`. */
export function tokenizerFromJSON(file: unknown): Tokenizer {
  if (file === null || typeof file !== "object" || Array.isArray(file)) {
    return fail(`expected an object with "kind", "version" (and "merges"), found ${shown(file)}`);
  }
  const { kind, version, ...rest } = file as Record<string, unknown>;
  if (kind !== "bytes" && kind !== "bpe") return fail(`"kind" must be "bytes" or "bpe", found ${shown(kind)}`);
  if (version !== 1 && version !== 2)
    return fail(`"version" must be 1 or 2, found ${shown(version)}; a newer siglip-ts may have written it`);
  const allowed = kind === "bpe" ? ["merges"] : [];
  const unknown = Object.keys(rest).find((key) => !allowed.includes(key));
  if (unknown !== undefined) return fail(`unknown key ${shown(unknown)} beside "kind": "${kind}"`);
  return kind === "bytes" ? byteTokenizers[version] : bpeTokenizer(mergesOf(rest.merges), version);
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
