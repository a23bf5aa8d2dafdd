import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { bestSeconds, outputOf } from "../../bench/peer.ts";

const here = import.meta.filename;
const node = process.execPath;

afterEach(() => {
  vi.restoreAllMocks();
});

test("a peer that is not installed is left out", async () => {
  expect(await outputOf({ program: undefined, file: here, args: [] })).toBeUndefined();
  expect(await outputOf({ program: node, file: join(here, "nowhere.mjs"), args: [] })).toBeUndefined();
  expect(await outputOf({ program: node, file: here, args: [], needs: join(here, "nowhere") })).toBeUndefined();
});

test("a peer that fails is left out with a warning that says why", async () => {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  expect(await outputOf({ program: join(here, "no-such-program"), file: here, args: ["8"] })).toBeUndefined();
  expect(String(write.mock.calls[0][0])).toMatch(/^warning: .*peer\.test\.ts 8 failed and is left out: .*\n$/);
});

test("the best seconds are read from what a peer prints", () => {
  expect(bestSeconds("loss 10.04\ntorch 2.13.0 eager th=1: best 0.605 median 0.611 s/step")).toBe(0.605);
  expect(bestSeconds("ModuleNotFoundError")).toBeUndefined();
  expect(bestSeconds(undefined)).toBeUndefined();
});
