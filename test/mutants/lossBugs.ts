/**
 * Mistakes that other implementations of distributed sigmoid losses have made or nearly made. A bug with several forms of the
 * loss has several places.
 */
import type { Bug, Place } from "./bug.ts";

const TESTS = [
  "test/parallel/ops.test.ts",
  "test/parallel/exchange.test.ts",
  "test/siglip/loss.test.ts",
  "test/siglip/fusedLoss.test.ts",
  "test/siglip/deviceLosses.test.ts",
  "test/siglip/extremes.test.ts",
  "test/parallel/threads.test.ts",
];

const chunked = (find: string, replace: string): Place => ({ file: "siglip/chunkedLoss.ts", find, replace });
const fused = (find: string, replace: string): Place => ({ file: "siglip/fusedLoss.ts", find, replace });
const ring = (find: string, replace: string): Place => ({ file: "siglip/shardRing.ts", find, replace });
const loss = (find: string, replace: string): Place => ({ file: "siglip/loss.ts", find, replace });
const threads = (find: string, replace: string): Place => ({ file: "parallel/threads.ts", find, replace });
const ops = (find: string, replace: string): Place => ({ file: "parallel/ops.ts", find, replace });

const chunkedConstant: Place = chunked("import { add,", "import { add, constant,");

const bugs: readonly Omit<Bug, "tests">[] = [
  {
    name: "hopMissing",
    what: "the last block of texts is never met",
    places: [[chunked("hop < comm.size", "hop < comm.size - 1")], [ring("hop < size;", "hop < size - 1;")]],
  },
  {
    name: "staleBuffer",
    what: "what arrived is not what is used",
    places: [
      [chunked("texts = ringShift(texts, comm);", "ringShift(texts, comm);")],
      [ring("met = met.map((x) => pass(x, comm, texts));", "for (const x of met) comm.shift(x, -1);")],
      [
        {
          file: "parallel/exchange.ts",
          find: 'for (const rank of readers) yield { do: "awaitDone", rank };',
          replace: "",
        },
      ],
      [{ file: "parallel/exchange.ts", find: 'yield { do: "awaitPosted", rank };', replace: "" }],
    ],
  },
  {
    name: "zeroRecvBuffer",
    what: "the buffer is used before anything was received into it",
    places: [
      [threads("into.data.set(remote, at);", "")],
      [threads("into.data.set(remote, at);", "into.data.fill(0, at, at + remote.length);")],
    ],
  },
  {
    name: "labelsEveryBlock",
    what: "the diagonal of every block counts as matching",
    places: [
      [loss("image === text ? matchingBlock : negativeBlock", "matchingBlock")],
      [fused("t, b, image === text,", "t, b, true,")],
    ],
  },
  {
    name: "chunkDiagOffset",
    what: "the matching pairs are looked for in the wrong block",
    places: [
      [fused("t, b, image === text,", "t, b, r === text % cut.owned,")],
      [fused("t, b, image === text,", "t, b, image + 1 === text,")],
      [
        loss(
          "image === text ? matchingBlock : negativeBlock",
          "(image + 1) % devices === text ? matchingBlock : negativeBlock",
        ),
      ],
    ],
  },
  {
    name: "meanOverPairs",
    what: "divided by n², not by n",
    places: [
      [loss("return div(pairLoss(logits, labels), n);", "return div(pairLoss(logits, labels), n * n);")],
      [chunked("div(loss, n * comm.size)", "div(loss, (n * comm.size) ** 2)")],
      [ring("batch: n * shards }", "batch: (n * shards) ** 2 }")],
    ],
  },
  {
    name: "sumNoNorm",
    what: "not divided at all",
    places: [
      [loss("return div(pairLoss(logits, labels), n);", "return pairLoss(logits, labels);")],
      [chunked("div(loss, n * comm.size)", "div(loss, 1)")],
      [ring("batch: n * shards }", "batch: 1 }")],
    ],
  },
  {
    name: "missingWorldAvg",
    what: "divided by the rows of one device, and added up over all",
    places: [
      [chunked("div(loss, n * comm.size)", "div(loss, n)")],
      [ring("batch: n * shards }", "batch: n * owned }")],
    ],
  },
  {
    name: "signFlipNeg",
    what: "negatives are pulled together",
    places: [
      [loss("tPrime, b), -1);", "tPrime, b), 1);")],
      [fused("y, t, b, image === text,", "y, image === text ? t : -t, b, image === text,")],
    ],
  },
  {
    name: "clampLogits",
    what: "logits are held within ±50, against an overflow that a sound softplus does not have",
    places: [
      [
        loss(
          "return add(mul(matmul(zimg, ztxt, { transposeB: true }), exp(tPrime)), b);",
          "const l = add(mul(matmul(zimg, ztxt, { transposeB: true }), exp(tPrime)), b); l.value.data.forEach((x, i, all) => { all[i] = Math.max(-50, Math.min(50, x)); }); return l;",
        ),
      ],
      [
        {
          file: "tensor/kernels/sigmoidTile/plain.ts",
          find: "const l = t * H[at] + b;",
          replace: "const l = Math.max(-50, Math.min(50, t * H[at] + b));",
        },
      ],
    ],
  },
  {
    name: "biasGradLocalOnly",
    what: "b collects its gradient from the own block alone",
    places: [
      [
        chunkedConstant,
        chunked(
          "recompute(block(owner), zimg, texts, tPrime, b)",
          "recompute(block(owner), zimg, texts, tPrime, constant(b.value))",
        ),
      ],
      [fused("sums[r] += block.sum;", "if (image === text) sums[r] += block.sum;")],
    ],
  },
  {
    name: "tGradNoScale",
    what: "the gradient of t, taken for the gradient of t′ = log t",
    places: [
      [fused("dtPrime: (t * slope) / batch", "dtPrime: slope / batch")],
      [
        loss(
          "export function pairLogits(",
          "const grows = op('grows', (x: Tensor) => ({ value: E(x), vjps: [(g) => g] }));\nexport function pairLogits(",
        ),
        loss("{ transposeB: true }), exp(tPrime)", "{ transposeB: true }), grows(tPrime)"),
        loss("neg, sum,", "neg, op, sum,"),
        loss("import { type BlockRule,", "import { exp as E, type Tensor, type BlockRule,"),
      ],
    ],
  },
  {
    name: "featGradNoScale",
    what: "gradients of embeddings without the factor t",
    places: [
      [fused("dzimg: scaled(dzimg, t / batch)", "dzimg: scaled(dzimg, 1 / batch)")],
      [fused("dztxt: scaled(dztxt, t / batch)", "dztxt: scaled(dztxt, 1 / batch)")],
    ],
  },
  {
    name: "stopGradRemote",
    what: "texts from elsewhere are constants",
    places: [
      [chunkedConstant, chunked("texts = ringShift(texts, comm);", "texts = constant(ringShift(texts, comm).value);")],
      [
        ring("meet(met, added, (rank + hop) % size);", "meet(met, added.map(copy), (rank + hop) % size);"),
        ring("import { type BlockRule,", "import { copy, type BlockRule,"),
      ],
      [ops("vjps: [(g) => slice(comm.allReduce(g)", "vjps: [(g) => slice(g")],
    ],
  },
  {
    name: "gradWrongHome",
    what: "gradients of texts end on another device",
    places: [
      [ops("comm.shift(g, by === 1 ? -1 : 1)", "comm.shift(g, by)")],
      [
        ops(
          "comm.allReduce(g), 0, comm.rank, comm.rank + 1)",
          "comm.allReduce(g), 0, (comm.rank + 1) % comm.size, ((comm.rank + 1) % comm.size) + 1)",
        ),
      ],
      [ring("added = added.map((x) => pass(x, comm)); // home", "")],
    ],
  },
];

export const lossBugs: readonly Bug[] = bugs.map((bug) => ({ ...bug, tests: TESTS }));
