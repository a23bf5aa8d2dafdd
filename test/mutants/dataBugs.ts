/** Seeded bugs in how pictures and texts are read. */
import type { Bug } from "./bug.ts";

export const dataBugs: readonly Bug[] = [
  {
    name: "pixelsInDoubles",
    what: "big_vision's pixels are resized in f64, where TensorFlow rounds each step to float32",
    places: [
      [
        {
          file: "data/preprocess/tensorflow.ts",
          find: "const f32 = Math.fround;",
          replace: "const f32 = (x: number): number => x;",
        },
      ],
    ],
    tests: ["test/data/preprocess/tensorflow.test.ts"],
  },
  {
    name: "weightsRoundedDown",
    what: "the fixed-point weights of Pillow's filters are truncated instead of rounded",
    places: [
      [
        {
          file: "data/preprocess/pillow.ts",
          find: "(weight < 0 ? -0.5 : 0.5)",
          replace: "0",
        },
      ],
    ],
    tests: ["test/data/preprocess/pillow.test.ts"],
  },
  {
    name: "profileApplied",
    what: "a colour profile changes the bytes of an image, which no library that released models were used with does",
    places: [
      [
        {
          file: "data/image.ts",
          find: "{ ignoreIcc: true }",
          replace: "{}",
        },
      ],
    ],
    tests: ["test/data/image.test.ts"],
  },
  {
    name: "noPixelLimit",
    what: "a picture file of a few bytes may unfold to any number of pixels",
    places: [
      [
        {
          file: "data/decode.ts",
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
