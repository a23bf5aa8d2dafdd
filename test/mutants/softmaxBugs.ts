/** Mistakes in the softmax loss: its normalizers, and their way round the ring. */
import type { Bug, Place } from "./bug.ts";

const TESTS = [
  "test/siglip/softmaxLoss.test.ts",
  "test/siglip/deviceLosses.test.ts",
  "test/tensor/softmaxBlock.test.ts",
];

const fused = (find: string, replace: string): Place => ({ file: "siglip/fusedSoftmaxLoss.ts", find, replace });
const block = (find: string, replace: string): Place => ({ file: "tensor/softmaxBlock.ts", find, replace });

const bugs: readonly Omit<Bug, "tests">[] = [
  {
    name: "softmaxCancels",
    what: "the softmax loss of a pair that stands out is the logarithm of 1 and something that rounding takes away",
    places: [
      [{ file: "siglip/softmaxLoss.ts", find: "value: T.softplus(s),", replace: "value: T.log(T.add(T.exp(s), 1))," }],
      [{ file: "siglip/softmaxLoss.ts", find: "(_, i) => 0 - all[i]", replace: "(_, i) => (1 - all[i]) - 1" }],
      [fused("Math.max(s, 0) + portable.log1p(e)", "portable.log(1 + portable.exp(s))")],
    ],
  },
  {
    name: "softmaxColumnsByRows",
    what: "columns are normalized by the sums of rows",
    places: [
      [fused("[ztxt, columns.tops, columns.weights]", "[ztxt, rows.tops, rows.weights]")],
      [fused("finish(columnSums, positives", "finish(rowSums, positives")],
    ],
  },
  {
    name: "softmaxNoMaximum",
    what: "the largest logit is not subtracted: powers overflow",
    places: [
      [
        block("softmaxTileTops(tile.rows, tile.cols, at, ...tops);", ""),
        block(
          'full([n], dtype === "f32" ? -(2 - 2 ** -23) * 2 ** 127 : -Number.MAX_VALUE, dtype)',
          "zeros([n], dtype)",
        ),
      ],
    ],
  },
  {
    name: "softmaxNotRescaled",
    what: "a larger logit arrives, and the sum so far keeps its scale",
    places: [[block("if (tops[k] !== before[k]) sums[k] *= portable.exp(scale * (before[k] - tops[k]));", "")]],
  },
  {
    name: "softmaxOneDirection",
    what: "a matching pair is pulled together by its row alone, or counted as a negative",
    places: [
      [fused("-(share + columns.shares[i]) / 2", "-share")],
      [block("return Number.NEGATIVE_INFINITY;", "return s;")],
    ],
  },
  {
    name: "softmaxWrongDiagonal",
    what: "the matching pairs are looked for in the wrong block, or in every one",
    places: [
      [block("if (positives) overDiagonal(tile, dtype, (_, k) => positives.data[k]);", "")],
      [
        block(
          "const place = at / BYTES[dtype] + (k - i) * cols + (k - j);",
          "const place = at / BYTES[dtype] + (k - i) * (cols + 1);",
        ),
      ],
      [
        fused(
          "own(rowSums.sums) };\n    const matching = image === text",
          "own(rowSums.sums) };\n    const matching = r === text % cut.owned",
        ),
      ],
    ],
  },
];

export const softmaxBugs: readonly Bug[] = bugs.map((bug) => ({ ...bug, tests: TESTS }));
