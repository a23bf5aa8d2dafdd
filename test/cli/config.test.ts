/** `siglip config` for people, for grep and for programs. */
import { expect, it } from "vitest";
import { keyText } from "../../src/cli/config.ts";
import { configKeys } from "../../src/run/configKeys.ts";
import { siglip } from "../support/cli.ts";

const keyOf = (name: string) => configKeys("emoji").find(({ key }) => key === name)!;

it("prints a key a line, marks what a preset changes, and tells programs the same", { timeout: 60_000 }, async () => {
  const { code, stdout, stderr } = await siglip(["config", "emoji"]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^ {2}optim\.lr +0\.002 +learning rate at its peak \(a number above 0 and at most 10\)$/m);
  expect(stdout).toMatch(/^\* optim\.name +muon .*; default adamw\)$/m);
  expect(stderr).toBe("*: changed by the preset emoji\n");
  const json = await siglip(["config", "emoji", "--json"]);
  expect(json.stderr).toBe("");
  const keys: object[] = JSON.parse(json.stdout);
  expect(stdout.trim().split("\n")).toHaveLength(keys.length);
  for (const key of keys) expect(Object.keys(key)).toEqual(["key", "default", "value", "expected", "about"]);
});

it("refuses an unknown preset and names the one that was probably meant", { timeout: 60_000 }, async () => {
  const { code, stdout, stderr } = await siglip(["config", "emojj", "--json"]);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/unknown preset emojj; .*did you mean emoji\?/);
});

it("takes the preset as --preset too, as train does, but not another one beside it", { timeout: 60_000 }, async () => {
  const { stdout } = await siglip(["config", "emoji"]);
  for (const args of [
    ["--preset", "emoji"],
    ["emoji", "--preset", "emoji"],
  ]) {
    expect(await siglip(["config", ...args])).toMatchObject({ code: 0, stdout });
  }
  const { code, stderr } = await siglip(["config", "emoji", "--preset", "shapes"]);
  expect([code, stderr]).toEqual([2, "siglip: config: config emoji --preset shapes names two presets; name one\n"]);
});

it("wraps what it says about a key on a terminal, and loses no word", () => {
  const words = (text: string): string[] => text.trim().split(/\s+/);
  for (const columns of [20, 40, 80, 200]) {
    const lines = keyText(keyOf("optim.name"), columns).split("\n");
    expect(words(lines.join("\n"))).toEqual(words(keyText(keyOf("optim.name"), Number.POSITIVE_INFINITY)));
    for (const line of lines.slice(1)) expect(line.length <= columns || words(line).length === 1, line).toBe(true);
  }
});
