/**
 * The f64 functions of portable.ts on samples: numbers of every magnitude in use, against forty digits.
 */
import { portable, Rng } from "../../src/tensor/index.ts";
import * as exactReal from "../support/exactReal.ts";
import { noError, worse } from "./meter.ts";
import type { Row } from "./table.ts";

const SAMPLES = 200_000;

export interface PortableCheck {
  readonly name: string;
  readonly most: number;
  readonly unit: string;
  readonly sample: (rng: Rng) => number;
  readonly f: (x: number) => number;
  readonly ulps: (got: number, x: number) => number;
}

/** A random sign and size, from 2^low to 2^high. */
const anySize = (rng: Rng, low: number, high: number): number =>
  (rng.uniform() < 0.5 ? -1 : 1) * 2 ** (low + (high - low) * rng.uniform());
const isEven = (rng: Rng): boolean => rng.uniform() < 0.5;

export const PORTABLE: readonly PortableCheck[] = [
  {
    name: "portable exp",
    most: 1.5,
    unit: "ulp (f64)",
    sample: (rng) => (isEven(rng) ? -745.1 + 1454.8 * rng.uniform() : anySize(rng, -60, 6)),
    f: portable.exp,
    ulps: (got, x) => exactReal.ulpsBetween(got, exactReal.exp(x)),
  },
  {
    name: "portable log",
    most: 3,
    unit: "ulp (f64)",
    sample: (rng) => (isEven(rng) ? Math.abs(anySize(rng, -1074, 1023)) : 1 + anySize(rng, -52, -1)),
    f: portable.log,
    ulps: (got, x) => exactReal.ulpsBetween(got, exactReal.log(x)),
  },
  {
    name: "portable log1p",
    most: 5,
    unit: "ulp (f64)",
    sample: (rng) => Math.abs(isEven(rng) ? anySize(rng, -100, 1023) : anySize(rng, -40, 4)),
    f: portable.log1p,
    ulps: (got, x) => exactReal.ulpsBetween(got, exactReal.log1p(x)),
  },
  {
    name: "portable cos",
    most: 1,
    unit: "2⁻⁵²",
    sample: (rng) => anySize(rng, -40, 20),
    f: (turns) => portable.cosSin(turns).cos,
    ulps: (got, turns) => exactReal.ulpsBetween(got, exactReal.cosSin(turns).cos, 1),
  },
  {
    name: "portable sin",
    most: 1,
    unit: "2⁻⁵²",
    sample: (rng) => anySize(rng, -40, 20),
    f: (turns) => portable.cosSin(turns).sin,
    ulps: (got, turns) => exactReal.ulpsBetween(got, exactReal.cosSin(turns).sin, 1),
  },
];

export function samplePortable({ name, most, unit, sample, f, ulps }: PortableCheck, samples = SAMPLES): Row {
  const rng = new Rng(1).split(name);
  let worst = noError();
  for (let i = 0; i < samples; i++) {
    const x = sample(rng);
    const got = f(x);
    worst = worse(worst, { error: ulps(got, x), x, got, exact: Number.NaN });
  }
  return { check: name, mode: "", checked: samples, worst: [worst], bounds: [{ unit, most, sizeOf: () => 1 }] };
}
