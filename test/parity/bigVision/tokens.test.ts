/** big_vision's tokenize op: every id of 16 texts at 4 lengths. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readSentencePiece } from "../../../src/formats/index.ts";
import { loadTokenizer } from "../../../src/run/index.ts";
import { sentencePieceTokenizer } from "../../../src/tokenizers/index.ts";

const path = (name: string): string => fileURLToPath(new URL(`../../fixtures/big_vision/${name}`, import.meta.url));
const { texts, rows } = JSON.parse(readFileSync(path("tokens.json"), "utf8")) as {
  texts: string[];
  rows: {
    max_len: number;
    eos: "sticky" | "yes" | "none";
    pad_value: number | "<pad>";
    lower: boolean;
    ids: number[][];
  }[];
};
const model = readSentencePiece(readFileSync(path("tokens.model")), "tokens.model");

/** The ids of a row. Other ends than sticky, which no SigLIP has, follow from the ids of the whole text. */
function idsOf({ max_len: length, eos, pad_value: pad, lower }: (typeof rows)[number]): number[][] {
  const options = { cleaning: lower ? "bigVision" : "none", pad: pad === "<pad>" ? 0 : pad } as const;
  const tokenizer = sentencePieceTokenizer(model, options);
  return texts.map((text) => {
    if (eos === "sticky") return [...tokenizer.encode(text, length)];
    const whole = [...tokenizer.encode(text, 400)];
    const content = whole.slice(0, whole.indexOf(tokenizer.end) + (eos === "yes" ? 1 : 0));
    return Array.from({ length }, (_, i) => content[i] ?? options.pad);
  });
}

it("every row has big_vision's ids", () => {
  expect(rows.length).toBe(20);
  for (const row of rows) expect(idsOf(row)).toEqual(row.ids);
});

it("a model alone is read by big_vision's rule, padded with its end", () => {
  const tokenizer = loadTokenizer(path("tokens.model"), () => {});
  const row = rows.find((each) => each.max_len === 16 && each.eos === "sticky" && each.pad_value === 1);
  expect(texts.map((text) => [...tokenizer.encode(text, 16)])).toEqual(row?.ids);
});
