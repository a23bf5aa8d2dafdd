import { describe, expect, it } from "vitest";
import * as exact from "./exactReal.ts";

/** m·2ᵉ to 40 decimals. */
const decimal = ({ m, e }: exact.Real): string => {
  const digits = ((m * 10n ** 40n) >> BigInt(-e)).toString().padStart(41, "0");
  return `${digits.slice(0, -40)}.${digits.slice(-40)}`;
};

describe("forty digits of", () => {
  it("e, √e, log 2, log 10, cos and sin of an eighth and a sixth of a turn equal published tables", () => {
    expect(decimal(exact.exp(1))).toBe("2.7182818284590452353602874713526624977572");
    expect(decimal(exact.exp(0.5))).toBe("1.6487212707001281468486507878141635716537");
    expect(decimal(exact.log(2))).toBe("0.6931471805599453094172321214581765680755");
    expect(decimal(exact.log1p(1))).toBe("0.6931471805599453094172321214581765680755");
    expect(decimal(exact.log1p(9))).toBe("2.3025850929940456840179914546843642076011");
    expect(decimal(exact.log(10))).toBe("2.3025850929940456840179914546843642076011");
    expect(decimal(exact.cosSin(0.125).sin)).toBe("0.7071067811865475244008443621048490392848");
    expect(decimal(exact.cosSin(0.375).sin)).toBe("0.7071067811865475244008443621048490392848");
  });
});

/** m·2ᵉ with as many digits as the functions give. */
const real = (m: bigint, e: number): exact.Real => ({ m: m << 192n, e: e - 192 });

it("the distance is in units of the last place of the exact value, or of a larger size", () => {
  expect(exact.ulpsBetween(1 + 2 ** -51, real(1n, 0))).toBe(2);
  expect(exact.ulpsBetween(1 - 2 ** -52, real(1n, 0))).toBe(1);
  expect(exact.ulpsBetween(-3 - 2 ** -50, real(-3n, 0))).toBe(2);
  expect(exact.ulpsBetween(2 ** -60 + 2 ** -53, real(1n, -60), 1)).toBe(0.5);
  expect(exact.ulpsBetween(0, real(3n, -1074))).toBe(3);
});
