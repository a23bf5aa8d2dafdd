/** Seeded bugs in how pictures and texts are read. */
import type { Bug } from "./bug.ts";

export const dataBugs: readonly Bug[] = [
  {
    name: "pixelsInDoubles",
    what: "pixels for released models are resized in f64, where the reference rounds each step to float32",
    places: [
      [
        {
          file: "data/siglipPixels.ts",
          find: "const f32 = Math.fround;",
          replace: "const f32 = (x: number): number => x;",
        },
      ],
    ],
    tests: ["test/data/pictures.test.ts"],
  },
  {
    name: "noPixelLimit",
    what: "a picture file of a few bytes may unfold to any number of pixels",
    places: [
      [
        {
          file: "data/pictures.ts",
          find: "limitInputPixels: MAX_PIXELS",
          replace: "limitInputPixels: false",
        },
      ],
    ],
    tests: ["test/data/pictures.test.ts"],
  },
  {
    name: "blurBeyondEdge",
    what: "at the right and lower edge, the blur reads the row below and what lies behind the picture",
    places: [
      [
        {
          file: "data/augment.ts",
          find: "j + 1 < side ? out[at + step] : here",
          replace: "(out[at + step] ?? here)",
        },
      ],
    ],
    tests: ["test/data/augment.test.ts"],
  },
];
