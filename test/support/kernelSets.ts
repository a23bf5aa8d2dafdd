/** The f32 kernels that a property must hold for: the plain loops, and the set chosen for this engine if it is another. */
import { type Kernels, kernelsFor } from "../../src/tensor/index.ts";

const chosen = kernelsFor("f32");

/** Names and arguments for `useKernels`; undefined is the plain loops. */
export const kernelSets: readonly (readonly [name: string, kernels: Kernels | undefined])[] =
  chosen.name === "reference"
    ? [["the plain loops", undefined]]
    : [
        ["the plain loops", undefined],
        [chosen.name, chosen],
      ];
