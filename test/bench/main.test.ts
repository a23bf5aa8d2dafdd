import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const main = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));
const loader = process.features.typescript ? [] : ["--import", "tsx"];
const bench = (...args: string[]) => spawnSync(process.execPath, [...loader, main, ...args], { encoding: "utf8" });

test("--json prints one object a row and nothing else; a step holds its activations and reserves nothing new", () => {
  const { stdout, stderr, status } = bench("memory", "--json");
  expect(status).toBe(0);
  const [row, ...rest] = stdout.trimEnd().split("\n");
  expect(rest).toEqual([]);
  expect(JSON.parse(row)).toMatchObject({
    bench: "memory",
    case: "vit 46.1 GFLOP",
    ratio: {},
    newBytes: 0,
    bar: "overActivations <= 1.2, newBytes <= 0",
    ok: true,
  });
  expect(stderr).toContain("1 of 1 bars hold");
}, 180_000); // five steps of 46 GFLOP: seconds, unless the machine is busy

test("a name that is no bench is answered with those that are", () => {
  const { stdout, stderr, status } = bench("gemn");
  expect(status).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toContain("unknown bench: gemn; choose among");
  for (const name of ["gemm", "attention", "step", "vit-b16"]) expect(stderr).toContain(name);
});
