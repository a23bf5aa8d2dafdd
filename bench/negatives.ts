/**
 * The sigmoid loss of some of the negatives, and with pairs of one text masked, compared with the loss of all pairs: the fused form
 * with all gradients, on one device, in turns. f32, best of several runs.
 *
 * Hard and easy negatives need one product more than the three of the loss, so by products alone they take 1.33 times as long;
 * a mask is one more look at a tile. Memory is the peak of the heap without the embeddings: it grows with the rows, as that of the loss does.
 */
import { alone } from "../src/parallel/index.ts";
import { type EmbeddedBatch, type LossForm, lossForms, withNegatives, withSameName } from "../src/siglip/index.ts";
import { generate, heap, l2Normalize, Rng, scope, type Tensor } from "../src/tensor/index.ts";
import { contest } from "./contest.ts";
import { atMost, type Row } from "./row.ts";

const BATCH = 16_384;
const WIDTHS = [64, 256];
const BAR = 1.5;
const { fused } = lossForms;
const CASES: readonly (readonly [name: string, form: LossForm])[] = [
  ["all", fused],
  ["hard 0.1", withNegatives(fused, "hard", 0.1)],
  ["easy 0.1", withNegatives(fused, "easy", 0.1)],
  ["random 0.1", withNegatives(fused, "random", 0.1)],
  ["equal texts", withSameName(fused, "mask")], // of rows 2i and 2i + 1, masked
];

const unitRows = (rng: Rng, width: number): Tensor =>
  l2Normalize(
    generate([BATCH, width], () => rng.normal()),
    0,
  ).value;

export async function* negativesBench(): AsyncGenerator<Row> {
  for (const width of WIDTHS) {
    const rng = new Rng(1);
    const [zimg, ztxt] = [unitRows(rng.split("images"), width), unitRows(rng.split("texts"), width)];
    const shared = { zimg, ztxt, tPrime: Math.log(10), b: -10, comm: alone, shards: 2, rng: rng.split("step") };
    const groups = Int32Array.from({ length: BATCH }, (_, row) => row >> 1);
    const runs = CASES.map(([name, form]) => {
      const batch: EmbeddedBatch = name === "equal texts" ? { ...shared, groups } : shared;
      return () => scope(() => form.gradients(batch).loss);
    });
    const seen = runs.map((run) => {
      const before = heap.liveBytes;
      heap.peakBytes = before;
      const loss = run();
      return { loss, peakBytes: heap.peakBytes - before };
    });
    const seconds = contest(runs, { leastRounds: 5, leastMs: 0 });
    for (const [i, [name]] of CASES.entries()) {
      const nsPerPair = (seconds[i] * 1e9) / BATCH ** 2;
      const timesAll = seconds[i] / seconds[0];
      const row = { bench: "negatives", case: `${name}, ${BATCH} x ${width}`, nsPerPair, ...seen[i], ratio: {} };
      yield i === 0 ? row : atMost({ ...row, timesAll }, { timesAll: BAR });
    }
  }
}
