import { describe, expect, it } from "vitest";
import { resolveConfig } from "../../src/run/config.ts";
import { dataNames } from "../../src/run/dataSets.ts";
import { unknownPictures } from "../../src/run/knowledge.ts";

const emoji = resolveConfig("emoji", []);

describe("a model that was trained on drawings alone", () => {
  it("warns of photographs, with their number", () => {
    expect(unknownPictures(emoji, { jpeg: 3, avif: 1, png: 9 })).toMatch(
      /trained on emoji alone, and 4 pictures are photographs/,
    );
    expect(unknownPictures(resolveConfig("icons", []), { jpeg: 1 })).toMatch(
      /icons alone, and 1 picture is a photograph/,
    );
  });

  it("says nothing of drawings, nor if it started from other weights or was trained on other data", () => {
    expect(unknownPictures(emoji, { png: 5, svg: 2, webp: 1 })).toBeUndefined();
    expect(unknownPictures({ ...emoji, train: { ...emoji.train, init: "a".repeat(64) } }, { jpeg: 3 })).toBeUndefined();
    const others = dataNames.filter((name) => !["emoji", "emoji-unseen", "icons", "shapes"].includes(name));
    for (const name of others) {
      expect(unknownPictures({ ...emoji, data: { ...emoji.data, name } }, { jpeg: 3 })).toBeUndefined();
    }
  });
});
