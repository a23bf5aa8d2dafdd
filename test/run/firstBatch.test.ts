import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openPairs } from "../../src/data/index.ts";
import { resolveConfig } from "../../src/run/config.ts";
import { firstRows, openRunPairs, tokenTexts } from "../../src/run/firstBatch.ts";
import { byteTokenizer, trainBpe } from "../../src/tokenizers/index.ts";

const bpe = trainBpe(["red circle", "red square", "a red circle above a red square"], 280);

describe("tokenTexts", () => {
  it("gives pieces that read as the text when they are joined", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("red", "square", "circle", "above", "zebra"), { minLength: 1 }), (words) => {
        const text = words.join(" ");
        expect(tokenTexts(bpe.encode(text, 200), bpe).join("")).toBe(text);
      }),
      { numRuns: 30 },
    );
  });

  it("marks tokens that hold a part of a character", () => {
    expect(tokenTexts(byteTokenizer.encode("é!", 8), byteTokenizer)).toEqual(["▪", "é", "!"]);
  });

  it("ends where the text ends, or is cut", () => {
    expect(tokenTexts(byteTokenizer.encode("abcdef", 4), byteTokenizer)).toEqual(["a", "b", "c"]);
  });
});

describe("firstRows", () => {
  it("shows the first rows of step 0 as they are trained on, with both views", async () => {
    const config = resolveConfig("shapes", ["train.batch=5", "train.shards=1", "loss.views=image-image"]);
    const spec = { data: "shapes", tokenizer: bpe.toJSON(), length: 64, side: 8 } as const;
    const rows = firstRows(await openRunPairs(spec, config), config, bpe);
    const batch = (await openPairs({ ...spec, views: 2 })).batch(config.train.seed, 0, 5);
    expect(rows).toHaveLength(5);
    for (const [i, { pictures, tokens }] of rows.entries()) {
      expect(pictures.map(({ side, rgb }) => [side, rgb.length])).toEqual([[8, 192], [8, 192]]); // biome-ignore format: two views
      expect(bpe.encode(tokens.join(""), 64)).toEqual(batch.tokens.subarray(64 * i, 64 * (i + 1)));
    }
  });
});
