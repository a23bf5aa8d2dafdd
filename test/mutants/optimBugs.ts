/** Seeded bugs in the optimizers: traps of the originals, and what other implementations do otherwise. */
import type { Bug } from "./bug.ts";

export const optimBugs: readonly Bug[] = [
  {
    name: "roundedMomentum",
    what: "Adafactor's step uses the momentum as it is stored, rounded to bfloat16 (timm does).",
    places: [
      [
        {
          file: "tensor/kernels/adafactor/plain.ts",
          find: "H[p] -= lr * momentum + decay * H[p];",
          replace: "H[p] -= lr * (args.bfloat16 ? bfloat16(momentum) : momentum) + decay * H[p];",
        },
      ],
      [
        {
          file: "tensor/kernels/adafactor/simd.ts",
          find: "param[i].set(at.load(p)),",
          replace: "rounds ? momentum[i].set(rounded(momentum[i])) : [], param[i].set(at.load(p)),",
        },
      ],
    ],
    tests: ["test/tensor/kernels/adafactor/simd.test.ts", "test/parity/bigVision/optimizers.test.ts"],
  },
  {
    name: "decayRateOneLater",
    what: "Adafactor's decay rate counts steps from 0 or from 2.",
    places: [
      [{ file: "nn/optim/adafactor.ts", find: "portable.log(count)", replace: "portable.log(count + 1)" }],
      [{ file: "nn/optim/adafactor.ts", find: "portable.log(count)", replace: "portable.log(Math.max(1, count - 1))" }],
    ],
    tests: ["test/nn/optim/adafactor.test.ts"],
  },
  {
    name: "fusedAsOne",
    what: "Queries, keys and values are treated as the one matrix in which they are stored.",
    places: [
      [{ file: "nn/optim/muon.ts", find: "layout.parts ?? 1", replace: "layout.parts === 0 ? 0 : 1" }],
      [
        {
          file: "nn/attention.ts",
          find: "axes: [width, ...heads], parts",
          replace: "axes: [width, parts * width], parts",
        },
      ],
      [{ file: "nn/optim/adafactor.ts", find: "factoringOf(parameter.layout.axes)", replace: "factoringOf(shape)" }],
    ],
    tests: ["test/nn/optim/muon.test.ts", "test/nn/optim/adafactor.test.ts", "test/parity/bigVision/factoring.test.ts"],
  },
  {
    name: "decayTimesRate",
    what: "Weight decay is multiplied by the learning rate, as in PyTorch, or does not follow the schedule.",
    places: [
      [
        {
          file: "nn/optim/optimizer.ts",
          find: "decay: factors[i] * decay,",
          replace: "decay: factors[i] * lr * decay,",
        },
      ],
      [{ file: "nn/optim/optimizer.ts", find: "decay: factors[i] * decay,", replace: "decay: decay," }],
    ],
    tests: ["test/nn/optim/adamW.test.ts"],
  },
  {
    name: "frozenInNorm",
    what: "Frozen parameters still get gradients, which count in the norm that clips the others.",
    places: [
      [
        {
          file: "nn/optim/freeze.ts",
          find: "for (const path of frozen) (parameters.get(path) as Variable).requiresGrad = false;",
          replace: "for (const path of frozen) parameters.get(path);",
        },
      ],
      [
        {
          file: "nn/optim/optimizer.ts",
          find: "filter(([, { requiresGrad }]) => requiresGrad)",
          replace: "filter(([, { value }]) => value.size >= 0)",
        },
      ],
    ],
    tests: ["test/nn/optim/freeze.test.ts", "test/parity/bigVision/optimizers.test.ts"],
  },
];
