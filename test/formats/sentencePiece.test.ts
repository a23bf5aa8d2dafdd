/** SentencePiece files: what is written is read again, and damaged files give typed errors. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSentencePiece, type SentencePieceModel, writeSentencePiece } from "../../src/formats/index.ts";
import { ProtobufWriter } from "../../src/formats/protobuf.ts";

const fixture = readFileSync(fileURLToPath(new URL("../fixtures/hf/tiny/spiece.model", import.meta.url)));
const read = (bytes: Uint8Array) => readSentencePiece(bytes, "spiece.model");

const model = (pieces: SentencePieceModel["pieces"] = []): SentencePieceModel => ({
  kind: "unigram",
  pieces: [{ text: "</s>", score: 0, type: "control" }, { text: "<unk>", score: 0, type: "unknown" }, ...pieces],
  byteFallback: false,
  eosPiece: "</s>",
  unkSurface: "?",
  normalizer: {
    charsmap: new Uint8Array(0),
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    escapeWhitespaces: true,
  },
});
const small = model([
  { text: "▁a", score: -1, type: "normal" },
  { text: "🐱", score: -2.5, type: "userDefined" },
]);

it("a model is the same after it is written and read", () => {
  const piece = fc.record({
    text: fc.string({ minLength: 1, maxLength: 9, unit: "grapheme" }),
    score: fc.float({ noNaN: true, noDefaultInfinity: true }).filter((score) => !Object.is(score, -0)),
    type: fc.constantFrom("normal", "control", "userDefined"),
  });
  const pieces = fc.uniqueArray(piece, { selector: ({ text }) => text, maxLength: 20 });
  fc.assert(
    fc.property(pieces, fc.boolean(), fc.uint8Array(), (list, flag, charsmap) => {
      const some = list.filter(({ text }) => text !== "</s>" && text !== "<unk>") as SentencePieceModel["pieces"];
      const normalizer = { charsmap, addDummyPrefix: flag, removeExtraWhitespaces: !flag, escapeWhitespaces: flag };
      const whole = { ...model(some), normalizer };
      expect(read(writeSentencePiece(whole))).toEqual(whole);
    }),
  );
  const whole = read(fixture);
  const again = read(writeSentencePiece(whole));
  expect(again.pieces).toEqual(whole.pieces);
  expect(Buffer.compare(again.normalizer.charsmap, whole.normalizer.charsmap)).toBe(0);
});

describe("a file is refused with the byte and the reason if", () => {
  const piece = (fields: ProtobufWriter) => new ProtobufWriter().message(1, fields).toBytes();
  const text = new TextEncoder().encode("a");
  const trainer = (fields: ProtobufWriter) =>
    new Uint8Array([...writeSentencePiece(small), ...new ProtobufWriter().message(2, fields).toBytes()]);
  it.each<[string, Uint8Array, string, string]>([
    ["a varint is cut", Uint8Array.of(0x80), "PROTOBUF", "byte 0: the message ends inside a field"],
    ["a varint is too long", new Uint8Array(12).fill(0x80), "PROTOBUF", "more than 10 bytes"],
    ["a length is larger than the file", Uint8Array.of(0x0a, 0x7f), "PROTOBUF", "a field of 127 bytes"],
    ["a wire type is wrong", Uint8Array.of(0x08, 0x01), "PROTOBUF", "wire type 0, expected 2 (a message)"],
    ["a group begins", Uint8Array.of(0xc3, 0x0c), "PROTOBUF", "wire type 3"],
    ["a field is foreign", Uint8Array.of(0x30, 0x01), "SENTENCEPIECE", "field 6 is not one of ModelProto"],
    ["a score is NaN", piece(new ProtobufWriter().bytes(1, text).float(2, Number.NaN)), "SENTENCEPIECE", "score NaN"],
    ["a piece has no text", piece(new ProtobufWriter().float(2, 1)), "SENTENCEPIECE", "piece 0 has no text"],
    ["a text is not UTF-8", piece(new ProtobufWriter().bytes(1, Uint8Array.of(0xff))), "SENTENCEPIECE", "not UTF-8"],
    ["a type is unknown", piece(new ProtobufWriter().bytes(1, text).int32(3, 9)), "SENTENCEPIECE", "type 9"],
    [
      "a piece is too long",
      piece(new ProtobufWriter().bytes(1, new Uint8Array(2000).fill(97))),
      "SENTENCEPIECE",
      "longer",
    ],
    ["a piece is unused", piece(new ProtobufWriter().bytes(1, text).int32(3, 5)), "TOKENIZER_UNSUPPORTED", "unused"],
    ["it has no unknown piece", new Uint8Array(0), "SENTENCEPIECE", "0 pieces of type unknown, expected 1"],
    ["a byte is missing", trainer(new ProtobufWriter().bool(35, true)), "SENTENCEPIECE", "needs the byte piece <0x00>"],
    ["it models words", trainer(new ProtobufWriter().int32(3, 3)), "TOKENIZER_UNSUPPORTED", "model_type 3"],
    ["spaces are suffixes", trainer(new ProtobufWriter().bool(24, true)), "TOKENIZER_UNSUPPORTED", "suffix"],
    [
      "two pieces are equal",
      writeSentencePiece(model([...small.pieces.slice(2), small.pieces[2]])),
      "SENTENCEPIECE",
      'pieces 2 and 4 are both "▁a"',
    ],
  ])("%s", (_, bytes, code, message) => {
    expect(() => read(bytes)).toThrow(message);
    expect(() => read(bytes)).toThrow(expect.objectContaining({ name: "FormatError", code }));
  });
});
