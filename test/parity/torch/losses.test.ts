/**
 * Both losses against PyTorch (asserted there to be open_clip's): value, logits, and the gradients of the embeddings
 * before (u, v) and after (x, y) normalization, of t′ and of b.
 */
import { describe, expect, it } from "vitest";
import { backward, l2Normalize, parameter, type Variable } from "../../../src/autograd/index.ts";
import { logOddsBias, pairLogits, sigmoidLoss, softmaxLoss } from "../../../src/siglip/index.ts";
import { type DType, generate, Rng, scalar, type Tensor } from "../../../src/tensor/index.ts";
import { fusedSoftmax } from "../../support/fusedSoftmax.ts";
import { DTYPES, expectClose, goldenJson } from "../../support/goldens.ts";
import { type TorchCase, torchCases } from "./cases.ts";

const cases = torchCases("losses").filter(({ name }) => name !== "init_table");
/** Which negatives count is not a setting of the losses here. */
const isMasked = ({ name }: TorchCase): boolean => name.startsWith("sigmoid_masked");
const offered = cases.filter((at) => !isMasked(at));

const isSigmoid = ({ name }: TorchCase): boolean => name.startsWith("sigmoid");
type Loss = (x: Variable, y: Variable, t: Variable, b: Variable) => Variable;
/** Every case with the losses that compute it, on embeddings that are already normalized. */
const runs = offered.flatMap((at): (readonly [string, string, TorchCase, Loss])[] =>
  isSigmoid(at)
    ? [[at.name, "dense", at, sigmoidLoss]]
    : [
        [at.name, "dense", at, softmaxLoss],
        [at.name, "fused", at, (x, y, t) => fusedSoftmax(x, y, t)],
      ],
);

const leaf = (at: TorchCase, part: string, dtype: DType): Variable => parameter(at.tensor(part, dtype));

/** F.normalize divides by max(‖u‖, 1e-12): the plain length, but for a zero row, where ours gives 0 as well. */
const normalize = (u: Variable): Variable => l2Normalize(u, 0);

describe.each(DTYPES)("in %s, loss and all gradients are those of PyTorch:", (dtype) => {
  it.each(runs)("%s, %s", (name, _, at, lossOf) => {
    const [u, v, t] = ["in.u", "in.v", "in.t"].map((part) => leaf(at, part, dtype));
    const b = at.has("in.b") ? leaf(at, "in.b", dtype) : parameter(scalar(0, dtype));
    const check = (part: string, value: Tensor | undefined): void => at.expectClose(part, value as Tensor, dtype);
    const checkWhereStored = (part: string, value: Tensor): void => {
      if (at.has(part)) check(part, value); // large cases come without embeddings and logits
    };

    // The normalized embeddings as leaves of their own: gradients of x and y.
    const x = parameter(normalize(u).value);
    const y = parameter(normalize(v).value);
    checkWhereStored("out.x", x.value);
    checkWhereStored("out.y", y.value);
    checkWhereStored("out.logits", pairLogits(x, y, t, b).value);
    backward(lossOf(x, y, t, b));
    check("grad.x", x.grad);
    check("grad.y", y.grad);
    t.grad = undefined;
    b.grad = undefined;

    // All the way back to u and v.
    const loss = lossOf(normalize(u), normalize(v), t, b);
    check("out.loss", loss.value);
    backward(loss);
    check("grad.t", t.grad);
    if (at.has("in.b")) check("grad.b", b.grad);
    for (const [part, gradient] of [
      ["grad.u", u.grad],
      ["grad.v", v.grad],
    ] as const) {
      if (name === "sigmoid_zero_row") expectCloseButZeroRows(at, part, gradient as Tensor, dtype);
      else check(part, gradient);
    }
  });
});

/** The gradient of a zero row is 0 here; F.normalize multiplies it by 1e12, which nobody wants to train with. */
function expectCloseButZeroRows(at: TorchCase, part: string, actual: Tensor, dtype: DType): void {
  const before = at.get(part === "grad.u" ? "in.u" : "in.v");
  const golden = at.get(part);
  const cols = golden.shape[1];
  for (let i = 0; i < golden.shape[0]; i++) {
    const row = actual.view([cols], i * cols);
    if (before.data.slice(i * cols, (i + 1) * cols).every((value) => value === 0)) {
      expect(golden.data.slice(i * cols, (i + 1) * cols).some((value) => Math.abs(value) > 1e9)).toBe(true);
      expect([...row.data]).toEqual(new Array(cols).fill(0));
    } else {
      const data = golden.data.slice(i * cols, (i + 1) * cols);
      expectClose(row, { name: `${golden.name}, row ${i}`, shape: [cols], data }, at.closeness(part, dtype));
    }
  }
}

it("the sum of all negatives and the diagonal alone is the same loss", () => {
  // −log σ(ℓ) = softplus(−ℓ) = softplus(ℓ) − ℓ: a check on the goldens and the loss that knows neither.
  const at = offered.find(({ name }) => name === "sigmoid_B8_d16_0") as TorchCase;
  const logits = at.get("out.logits");
  const n = logits.shape[0];
  let total = 0;
  logits.data.forEach((l, i) => {
    total += Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l))) - (i % (n + 1) === 0 ? l : 0);
  });
  expectClose(total / n, at.get("out.loss"), { tolerance: 1e-12 });
});

it("163 cases are there: every one but the masked is compared", () => {
  expect(cases.length).toBe(163);
  expect(cases.filter(isMasked).length).toBe(16);
  expect(offered.filter((at) => at.has("out.x") && at.has("out.y")).length).toBeGreaterThan(130);
  expect(offered.filter((at) => at.has("out.logits")).length).toBeGreaterThan(90);
});

/** One row: the expected loss of random unit embeddings, by quadrature; PyTorch's draws agree with it. */
interface InitRow {
  readonly B: number;
  readonly d: number;
  readonly t_prime: number;
  readonly b: number;
  readonly b_name: string;
  readonly theory_quadrature: number;
}

describe("the loss of random unit embeddings at the start is the expected one:", () => {
  const table = goldenJson<{ cases: { init_table: { rows: InitRow[] } } }>("torch/losses").cases.init_table.rows;
  const small = table.filter(({ B }) => B <= 1024); // the rest is the same formula and takes seconds
  it.each(small.map((row) => [row.B, row.b_name, row] as const))("batch %i, b = %s", (B, bName, row) => {
    expect(row.b).toBeCloseTo(bName === "-log(B-1)" ? logOddsBias(B) : Number(bName), 12);
    const rng = new Rng(3).split("embeddings");
    const rows = () => l2Normalize(parameter(generate([B, row.d], () => rng.normal())));
    const loss = sigmoidLoss(rows(), rows(), parameter(scalar(row.t_prime)), parameter(scalar(row.b)));
    // Logits have standard deviation t/√d: the mean of n for matching pairs, and n² weighed with σ(b)/n for the others.
    const sigma = Math.exp(row.t_prime) / Math.sqrt(row.d);
    const standardError = sigma * Math.hypot(1 / Math.sqrt(B), 1 / (1 + Math.exp(-row.b)));
    expect(Math.abs(loss.value.item() - row.theory_quadrature)).toBeLessThan(4 * standardError);
  });
  it("three batch sizes with three biases each", () => expect(small.length).toBe(9));
});
