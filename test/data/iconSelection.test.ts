import { describe, expect, it } from "vitest";
import { type DrawnSet, selectIcons } from "../../src/data/iconSelection.ts";

const SIDE = 16;

/** A picture with one black row of pixels for each letter of `figure`; "" is blank. */
function picture(figure: string): Uint8Array {
  const bytes = new Uint8Array(SIDE * SIDE * 4);
  for (const letter of figure) {
    const row = letter.charCodeAt(0) - 97;
    for (let x = 0; x < SIDE; x++) bytes[(row * SIDE + x) * 4 + 3] = 255;
  }
  return bytes;
}

function set(name: string, use: DrawnSet["use"], icons: Readonly<Record<string, string>>): DrawnSet {
  const bytes = new Uint8Array(Object.keys(icons).length * SIDE * SIDE * 4);
  Object.values(icons).forEach((figure, i) => {
    bytes.set(picture(figure), i * SIDE * SIDE * 4);
  });
  return { name, use, names: Object.keys(icons), pictures: bytes };
}

describe("selectIcons", () => {
  it("leaves out blank icons in every set, and keeps copies within training", () => {
    const sets = [set("a", "train", { cup: "a", nothing: "", mug: "a" }), set("b", "train", { cup: "a" })];
    expect(selectIcons(sets, SIDE)).toEqual({ rows: [[0, 2], [0]], duplicates: [] });
  });

  it("leaves out of testing what training or validation shows under any name, and repetitions; counts all of it", () => {
    const sets = [
      set("train", "train", { cup: "a", plate: "b" }),
      set("validation", "validation", { fork: "c", bowl: "b" }),
      set("test", "test", { cup: "a", disc: "b", fork: "c", spoon: "d", ladle: "d", knife: "e" }),
    ];
    const { rows, duplicates } = selectIcons(sets, SIDE);
    expect(rows).toEqual([[0, 1], [0], [3, 5]]);
    expect(duplicates).toEqual([
      { set: "validation", icons: 2, leaked: 1, sameName: 0, repeated: 0, left: 1, leakedAfter: 0 },
      { set: "test", icons: 6, leaked: 3, sameName: 2, repeated: 1, left: 2, leakedAfter: 0 },
    ]);
  });

  it("tests two sets of one use apart: one may repeat the other", () => {
    const sets = [set("x", "test", { cup: "a" }), set("y", "test", { cup: "a" })];
    expect(selectIcons(sets, SIDE).rows).toEqual([[0], [0]]);
  });
});
