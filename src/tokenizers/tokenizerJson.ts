/**
 * Tokenizers in the format of Hugging Face's `tokenizers` (tokenizer.json), as far as SigLIP needs it.
 *
 *   text → cut at added tokens → normalizer → pre_tokenizer → model → ids, the end of the post_processor, padding
 *
 * Whatever is unknown is refused by name: an id selects a row of the token table, so a wrong one is worse than an error.
 */
import { isJsonRecord, type JsonRecord, type JsonValue } from "../formats/index.ts";
import { ByteTrie } from "./byteTrie.ts";
import { type Cleaning, cleaned, framed, WHITE_SPACE, withoutEnding } from "./cleaning.ts";
import { malformed, requireFields, shownJson, typed, unsupported } from "./jsonFields.ts";
import { modelFrom } from "./jsonModel.ts";
import { decoderFrom, normalizerFrom, preTokenizerFrom } from "./jsonSteps.ts";
import { requireLength, type Tokenizer } from "./tokenizer.ts";

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const SPACES_BEFORE = new RegExp(`^[${WHITE_SPACE}]+`);
const SPACE = new RegExp(`[${WHITE_SPACE}]`);

const SECTIONS = ["version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"]; // biome-ignore format: one line

/** Options of `tokenizerJsonTokenizer`. */
export interface TokenizerJsonOptions {
  /** What happens to a text between added tokens, before the normalizer. */
  readonly cleaning: Cleaning;
  /** The id or the piece that fills the rest of a short text; otherwise that of the file's padding, or "<pad>". */
  readonly pad?: number | string;
}

/**
 * The tokenizer of the contents of a tokenizer.json; `name` names the file in messages. Throws `FormatError` for what is malformed or not
 * supported.
 */
export function tokenizerJsonTokenizer(
  file: JsonRecord,
  name: string,
  { cleaning, pad: given }: TokenizerJsonOptions,
): Tokenizer {
  const unknown = Object.keys(file).find((key) => !SECTIONS.includes(key));
  if (unknown !== undefined) unsupported(name, `the section ${shownJson(unknown)}`);
  const model = modelFrom(file.model, name);
  const added = addedTokens(file.added_tokens, model.pieces, name);
  const normalize = normalizerFrom(file.normalizer, name);
  const preTokenize = preTokenizerFrom(file.pre_tokenizer, name);
  const joined = decoderFrom(file.decoder, name);
  const vocabSize = model.pieces.length + added.filter(({ id }) => id >= model.pieces.length).length;
  const end = endOf(file.post_processor, vocabSize, name);
  const pad = requirePad(given ?? paddingOf(file.padding, name) ?? "<pad>", added, vocabSize, name);
  const split = splitter(added);
  // open_clip cleans a whole text, of which no mark such as </s> remains; transformers the parts between marks.
  const [ofText, ofPart] = cleaning === "openClip" ? ([cleaning, "none"] as const) : (["none", cleaning] as const);
  const tokenize = (text: string): number[] =>
    split(cleaned(text, ofText)).flatMap((part, i) =>
      typeof part === "number"
        ? [part]
        : preTokenize(normalize(cleaned(part, ofPart)), i === 0).flatMap((word) => model.idsOf(word)),
    );
  const special = new Map(added.map((token) => [token.id, token.special ? "" : token.content]));
  const decode = (ids: ArrayLike<number>): string => {
    const pieces = Array.from(ids, (id) => special.get(id) ?? model.pieces[id]);
    const bytes = pieces.flatMap((piece) =>
      model.hasBytes && /^<0x[\dA-F]{2}>$/.test(piece) ? [Number(piece.slice(1, -1))] : [...utf8.encode(piece)],
    );
    return joined(fromUtf8.decode(Uint8Array.from(bytes)));
  };
  const isPlain = (id: number) => id !== model.unknownId && !/^<0x[\dA-F]{2}>$/.test(model.pieces[id] ?? "");
  return {
    kind: "huggingface",
    vocabSize,
    end,
    pad,
    encode: (text, length) => framed(tokenize(text), requireLength(length), end, pad),
    decode,
    knows: (word) => tokenize(word).every(isPlain),
    toJSON: () => ({ kind: "huggingface", version: 1, cleaning, pad, file }),
  };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly special: boolean;
}

function addedTokens(value: JsonValue | undefined, pieces: readonly string[], name: string): AddedToken[] {
  if (value !== undefined && !Array.isArray(value)) return malformed(name, "added_tokens must be an array");
  const tokens: AddedToken[] = [];
  for (const [i, each] of ((value ?? []) as readonly JsonValue[]).entries()) {
    const where = `added_tokens[${i}]`;
    if (!isJsonRecord(each)) return malformed(name, `${where} must be an object, found ${shownJson(each)}`);
    const { id, content } = each;
    const flag = [true, false];
    const read = { id: undefined, content: undefined, lstrip: flag, rstrip: flag, special: flag };
    requireFields(each, { ...read, single_word: [false], normalized: [false] }, where, name);
    const next = pieces.length + tokens.filter((token) => token.id >= pieces.length).length;
    const isNew = id === next && typeof content === "string" && content !== "";
    if (
      typeof id !== "number" ||
      (!isNew && pieces[id] !== content) ||
      tokens.some((token) => token.content === content)
    ) {
      return malformed(
        name,
        `${where} is ${shownJson(content)} with id ${shownJson(id)}, expected a piece with its id, or id ${next}`,
      );
    }
    tokens.push({
      id,
      content: content as string,
      lstrip: each.lstrip === true,
      rstrip: each.rstrip === true,
      special: each.special === true,
    });
  }
  return tokens;
}

/** Cuts a text at the leftmost, longest added tokens; the first part is always a text. */
function splitter(added: readonly AddedToken[]): (text: string) => (string | number)[] {
  const trie = new ByteTrie(added.map(({ content }, i) => [utf8.encode(content), i] as const));
  return (text) => {
    const bytes = utf8.encode(text);
    const parts: (string | number)[] = [];
    let start = 0;
    let strips = false;
    const push = (end: number, isBefore: boolean): void => {
      const part = fromUtf8.decode(bytes.subarray(start, end));
      const left = strips ? part.replace(SPACES_BEFORE, "") : part;
      parts.push(isBefore ? withoutEnding(left, SPACE) : left);
    };
    for (let at = 0; at < bytes.length; ) {
      const found = trie.longest(bytes, at);
      if (found === undefined) {
        at++;
        continue;
      }
      const token = added[found.value];
      push(at, token.lstrip);
      parts.push(token.id);
      strips = token.rstrip;
      at = found.end;
      start = at;
    }
    push(bytes.length, false);
    return parts;
  };
}

/** The id that the post_processor puts after a text: TemplateProcessing "$A </s>". */
function endOf(value: JsonValue | undefined, vocabSize: number, name: string): number {
  if (value === null || value === undefined) return unsupported(name, "a post_processor that adds no end");
  const processor = typed(value, "post_processor", name);
  if (processor.type !== "TemplateProcessing") return unsupported(name, `post_processor ${processor.type}`);
  requireFields(processor, { single: undefined, pair: undefined, special_tokens: undefined }, "post_processor", name);
  const { single, special_tokens: tokens } = processor;
  const [text, end, ...rest] = Array.isArray(single) ? (single as readonly JsonValue[]) : [];
  const isText = isJsonRecord(text) && isJsonRecord(text.Sequence) && text.Sequence.id === "A";
  const label = isJsonRecord(end) && isJsonRecord(end.SpecialToken) ? end.SpecialToken.id : undefined;
  if (!isText || typeof label !== "string" || rest.length > 0) {
    return unsupported(name, `post_processor.single ${shownJson(single)}, other than a text and its end,`);
  }
  const token = isJsonRecord(tokens) ? tokens[label] : undefined;
  const [id, ...more] = isJsonRecord(token) && Array.isArray(token.ids) ? (token.ids as readonly JsonValue[]) : [];
  if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= vocabSize || more.length > 0) {
    return malformed(name, `post_processor.special_tokens gives ${shownJson(label)} no single id below ${vocabSize}`);
  }
  return id;
}

/** What the padding section fills a short text with, if there is one. */
function paddingOf(value: JsonValue | undefined, name: string): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (!isJsonRecord(value)) return malformed(name, `padding must be an object, found ${shownJson(value)}`);
  const read = { strategy: undefined, pad_id: undefined, pad_token: undefined, pad_type_id: undefined };
  requireFields(value, { ...read, direction: ["Right"], pad_to_multiple_of: undefined }, "padding", name);
  const { pad_id: id } = value;
  return typeof id === "number" ? id : malformed(name, `padding.pad_id is ${shownJson(id)}, expected an id`);
}

/** The id of the padding, given as an id or a piece. */
function requirePad(pad: number | string, added: readonly AddedToken[], vocabSize: number, name: string): number {
  const id = typeof pad === "number" ? pad : added.find(({ content }) => content === pad)?.id;
  if (id !== undefined && Number.isInteger(id) && id >= 0 && id < vocabSize) return id;
  return malformed(
    name,
    `a short text is filled with ${shownJson(pad)}, which is no added token and no id below ${vocabSize}`,
  );
}
