import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { startWaiting } from "../../src/cli/elapsed.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function stream(isTTY: boolean) {
  let text = "";
  const write = (more: string): void => {
    text += more;
  };
  return { isTTY, write, on: () => {}, off: () => {}, text: () => text };
}

it("a terminal shows the elapsed time every two seconds, and the line is cleared at the end", () => {
  const terminal = stream(true);
  const stop = startWaiting("computing 9 pairs", terminal);
  vi.advanceTimersByTime(1999);
  expect(terminal.text()).toBe("");
  vi.advanceTimersByTime(4002);
  expect(terminal.text()).toBe(["2", "4", "6"].map((seconds) => `\r\x1b[Kcomputing 9 pairs, ${seconds} s`).join(""));
  stop();
  vi.advanceTimersByTime(60_000);
  expect(terminal.text().endsWith("6 s\r\x1b[K")).toBe(true);
});

it("shorter work, or work without a terminal, shows nothing", () => {
  const terminal = stream(true);
  startWaiting("computing", terminal)();
  const file = stream(false);
  startWaiting("computing", file);
  vi.advanceTimersByTime(10_000);
  expect(terminal.text() + file.text()).toBe("");
});
