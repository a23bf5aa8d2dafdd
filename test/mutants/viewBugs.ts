/** Mistakes in losses of two views: which images are views of one item, and what each term gives to whom. */
import type { Bug, Place } from "./bug.ts";

const views = (find: string, replace: string): Place => ({ file: "siglip/views.ts", find, replace });
const data = (find: string, replace: string): Place => ({ file: "data/emoji.ts", find, replace });

export const viewBugs: readonly Bug[] = [
  {
    name: "viewsInHalves",
    what: "the views of an item are looked for n rows apart, as if a device held all first views before all second ones",
    places: [
      [
        views("[slice(both, 1, 0, d), slice(both, 1, d, 2 * d), batch.ztxt]", "[slice(batch.zimg, 0, 0, n), slice(batch.zimg, 0, n, 2 * n), batch.ztxt]"), // biome-ignore format: a change
        views("permute(concat([a, b], 0).view([2, n, d]), [1, 0, 2]).view([2 * n, d])", "concat([a, b], 0)"),
      ],
      [views("permute(concat([a, b], 0).view([2, n, d]), [1, 0, 2]).view([2 * n, d])", "concat([a, b], 0)")],
    ],
    tests: ["test/siglip/views.test.ts"],
  },
  {
    name: "viewsOneTerm",
    what: "a view is left out, counted twice, or gets no gradient from the other",
    places: [
      [views("    [0.5, b, y],\n", "    [0.5, a, y],\n")],
      [views("    [0.5, b, y],\n", "    [1, b, y],\n")],
      [views("      addInto(texts.dz,", "      if (texts !== b) addInto(texts.dz,")],
      [views("      sums.db += weight * term.db;", "      sums.db += term.db;")],
    ],
    tests: ["test/siglip/views.test.ts"],
  },
  {
    name: "viewsOfOneStyle",
    what: "both views may have the same style, or are the same drawing",
    places: [
      [data("(style + 1 + Math.floor(second.uniform() * (styles.length - 1))) % styles.length", "Math.floor(second.uniform() * styles.length)")], // biome-ignore format: a change
      [{ file: "data/batches.ts", find: 'ofRow.split("view").split(1)', replace: "ofRow" }],
    ],
    tests: ["test/data/emoji.test.ts", "test/data/shapes.test.ts"],
  },
];
