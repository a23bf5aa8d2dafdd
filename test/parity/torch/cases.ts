/** The cases of a PyTorch group: `<group>.json` has the settings, `<group>.safetensors` the tensors `<case>/<name>`. */

import type { DType, Tensor } from "../../../src/tensor/index.ts";
import { type Closeness, expectClose, type Golden, Goldens, goldenJson } from "../../support/goldens.ts";

export interface CaseSettings {
  readonly config: Record<string, number>;
  readonly tolerance: { readonly f64?: number; readonly f32: number; readonly scale?: Record<string, number> };
  readonly tolerance_f32_by_row?: string;
  readonly measured_f32_vs_f64_by_row?: Record<string, number[]>;
}

export class TorchCase {
  readonly name: string;
  readonly settings: CaseSettings;
  readonly #goldens: Goldens;

  constructor(goldens: Goldens, name: string, settings: CaseSettings) {
    this.name = name;
    this.settings = settings;
    this.#goldens = goldens;
  }

  has(part: string): boolean {
    return this.#goldens.has(`${this.name}/${part}`);
  }

  parts(prefix: string): string[] {
    return this.#goldens.names(`${this.name}/${prefix}`);
  }

  get(part: string): Golden {
    return this.#goldens.get(`${this.name}/${part}`);
  }

  ints(part: string): Int32Array {
    return this.#goldens.ints(`${this.name}/${part}`);
  }

  tensor(part: string, dtype: DType): Tensor {
    return this.#goldens.tensor(`${this.name}/${part}`, dtype);
  }

  /** What the file allows for a tensor; f64 is 1e-12 where it says nothing. */
  closeness(part: string, dtype: DType): Closeness {
    const { tolerance } = this.settings;
    return { tolerance: tolerance[dtype] ?? 1e-12, scale: tolerance.scale?.[part] ?? 0 };
  }

  expectClose(part: string, actual: Tensor | number, dtype: DType): void {
    expectClose(actual, this.get(part), this.closeness(part, dtype));
  }
}

/** All cases that the json names, in its order; those without tensors are the ones that were left out. */
export function torchCases(group: string): TorchCase[] {
  const goldens = new Goldens(`torch/${group}`);
  const { cases } = goldenJson<{ cases: Record<string, CaseSettings> }>(`torch/${group}`);
  return Object.entries(cases).map(([name, settings]) => new TorchCase(goldens, name, settings));
}
