/** Every program in examples/ runs from the sources and prints what the documents say. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

function printed(name: string): string[] {
  const args = ["--conditions=siglip-ts-source", `examples/${name}.ts`];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout.trimEnd().split("\n");
}

const numberAtEnd = (line: string): number => Number(/[\d.e-]+$/.exec(line)?.[0]);

const claims: Readonly<Record<string, (lines: readonly string[]) => void>> = {
  first: (lines) => {
    const losses = lines.map(numberAtEnd);
    expect(losses.length).toBe(5);
    expect(losses[0]).toBeCloseTo(5.55, 1);
    expect(losses[4]).toBeLessThan(0.65 * losses[0]);
  },
  customOp: (lines) => {
    expect(numberAtEnd(lines[0])).toBeLessThan(1e-8);
    expect(lines[2]).toBe("[0.0723, 0.5000, 0.9277]");
  },
  checkLoss: (lines) => {
    expect(lines.length).toBe(5);
    for (const line of lines) expect(numberAtEnd(line)).toBe(1 / 8);
  },
  reverseMode: (lines) => {
    expect(lines.map(numberAtEnd).slice(4)).toEqual([0.5, 1, 0.5]);
    expect(lines[3]).toBe("value  = -0.693   node 3: logSigmoid");
  },
  saveAndSearch: (lines) => {
    expect(Number(/: (\d+) %/.exec(lines[3])?.[1])).toBeGreaterThan(15); // seen: 40
    expect(lines[4]).toBe('"a small black circle left of a small pink cross" finds');
    expect(lines.length).toBe(8);
  },
  twoDevices: (lines) => {
    const [one, ...more] = lines.map(numberAtEnd);
    expect(one).toBeCloseTo(Math.LN2 + 7 * Math.log1p(Math.exp(-10)), 6); // 1 pair at logit 0, 7 at −10, for each image
    expect(more).toEqual([one, one]);
  },
};

it.each(Object.keys(claims))("examples/%s.ts runs and prints what it claims", { timeout: 120_000 }, (name) =>
  claims[name](printed(name)),
);

it("the first program in the README is examples/first.ts", () => {
  const [, program] = /```ts\n([\s\S]*?)```/.exec(readFileSync(`${ROOT}/README.md`, "utf8")) ?? [];
  expect(program).toBe(readFileSync(`${ROOT}/examples/first.ts`, "utf8"));
});

it("every example is run here", () => {
  const files = readdirSync(`${ROOT}/examples`).map((file) => file.replace(/\.ts$/, ""));
  expect(files.sort()).toEqual(Object.keys(claims).sort());
});
