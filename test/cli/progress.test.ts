import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ProgressRow, type ProgressStream, progressLine, startProgress } from "../../src/cli/progress.ts";

const row = { step: 1234, loss: 3.1406, t: 14.2, b: -4.913 };

/** A stream that records writes and whose width can change. */
function fakeStream(isTTY: boolean, columns = 80) {
  const listeners = new Map<string, Set<() => void>>();
  const stream = {
    isTTY,
    columns,
    text: "",
    write(text: string) {
      stream.text += text;
    },
    on: (event: string, listener: () => void) =>
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener)),
    off: (event: string, listener: () => void) => listeners.get(event)?.delete(listener),
    emit(event: string) {
      for (const listener of listeners.get(event) ?? []) listener();
    },
    take() {
      const text = stream.text;
      stream.text = "";
      return text;
    },
  };
  return stream satisfies ProgressStream;
}

/** Escapes as printable text: `␛J`. */
const visible = (text: string) => text.replaceAll("\x1b[", "␛").replaceAll("\r", "␍");

/** A manual clock. */
const fakeClock = () => {
  const clock = { ms: 0, now: () => clock.ms };
  return clock;
};

describe("progressLine", () => {
  it("names step, loss, t, b, pairs per second and the time left", () => {
    expect(progressLine(row, 4677, 9.5, 128, 120)).toBe(
      "step 1,234/4,677  26%  loss 3.1406  t 14.20  b -4.91  1,216 pairs/s  6 min 03 s left",
    );
  });

  it("fits every width and keeps the step and the loss longest", () => {
    const recall = fc.option(fc.constant({ textToImage: 0.331, imageToText: 1 }), { nil: undefined });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 120 }), recall, (width, found) => {
        const line = progressLine({ ...row, recall: found }, 4677, 9.5, 128, width);
        expect(line.length).toBeLessThanOrEqual(width);
        if (width >= 30) expect(line).toContain("loss 3.1406");
      }),
    );
  });

  it("leaves out a speed that is not known, and the time left at the end", () => {
    expect(progressLine(row, 4677, Number.NaN, 128, 200)).not.toMatch(/pairs|left/);
    expect(progressLine({ ...row, step: 4677 }, 4677, 9.5, 128, 200)).not.toContain("left");
  });

  it("shows a loss that is not a number", () => {
    expect(progressLine({ ...row, loss: Number.NaN }, 4677, 9.5, 128, 200)).toContain("loss NaN");
  });
});

describe("the newest recall", () => {
  const recall = { textToImage: 0.331, imageToText: 0.3074 };

  it("stands in the line, and on a terminal of 80 columns before t, b and the speed", () => {
    expect(progressLine({ ...row, recall }, 4677, 9.5, 128, 120)).toBe(
      "step 1,234/4,677  26%  loss 3.1406  t 14.20  b -4.91  R@1 33.1/30.7 %  1,216 pairs/s  6 min 03 s left",
    );
    expect(progressLine({ ...row, recall }, 4677, 9.5, 128, 79)).toBe(
      "step 1,234/4,677  26%  loss 3.1406  R@1 33.1/30.7 %  6 min 03 s left",
    );
  });

  it("is drawn at once where there is no terminal, and stays in the lines that follow", () => {
    const stream = fakeStream(false);
    const clock = fakeClock();
    const progress = startProgress({ steps: 40, batch: 8, stream, now: clock.now });
    progress.update({ ...row, step: 1 });
    progress.update({ ...row, step: 2, recall });
    progress.update({ ...row, step: 3 });
    clock.ms += 10_000;
    progress.update({ ...row, step: 4 });
    const lines = stream.text.trim().split("\n");
    expect(lines.map((line) => [line.slice(0, 6), line.includes("R@1 33.1/30.7 %")])).toEqual([
      ["step 1", false],
      ["step 2", true],
      ["step 4", true],
    ]);
  });
});

describe("the last step", () => {
  const stale = { textToImage: 0.3, imageToText: 0.2 };
  const recall = { textToImage: 0.331, imageToText: 0.317 };

  it("is shown without an older test, then once more with its own, at the speed of the steps", () => {
    const stream = fakeStream(false);
    const clock = fakeClock();
    const progress = startProgress({ steps: 3, batch: 8, stream, now: clock.now });
    const tested: Pick<ProgressRow, "recall">[] = [{}, { recall: stale }, {}, { recall }];
    for (const [i, test] of tested.entries()) {
      progress.update({ ...row, step: Math.min(i + 1, 3), ...test });
      clock.ms += 1000;
    }
    expect(stream.text.trim().split("\n").slice(1)).toEqual([
      "step 2/3  66%  loss 3.1406  t 14.20  b -4.91  R@1 30.0/20.0 %  8 pairs/s  1 s left",
      "step 3/3  100%  loss 3.1406  t 14.20  b -4.91  8 pairs/s",
      "step 3/3  100%  loss 3.1406  t 14.20  b -4.91  R@1 33.1/31.7 %  8 pairs/s",
    ]);
  });

  it("of a classifier is shown with its accuracy on the test set", () => {
    const classified = { step: 40, loss: 0.5, accuracy: 0.8, testAccuracy: 0.4304 };
    expect(progressLine(classified, 40, Number.NaN, 128, 120)).toBe(
      "step 40/40  100%  loss 0.5000  accuracy 80 %  test accuracy 43.0 %",
    );
  });
});

describe("startProgress", () => {
  it("writes a plain line every so often and for the last step where there is no terminal", () => {
    const stream = fakeStream(false);
    const clock = fakeClock();
    const progress = startProgress({ steps: 40, batch: 8, stream, now: clock.now });
    for (let step = 1; step <= 40; step++) {
      clock.ms += 1000;
      progress.update({ ...row, step });
    }
    progress.stop();
    const lines = stream.text.split("\n");
    expect(lines.map((line) => line.match(/^step \d+/)?.[0])).toEqual([
      "step 1",
      "step 11",
      "step 21",
      "step 31",
      "step 40",
      undefined,
    ]);
    expect(stream.text).not.toContain("\x1b");
    expect(lines[2]).toContain("8 pairs/s  19 s left");
  });

  it("rewrites one line on a terminal, hides the cursor and restores it", () => {
    const stream = fakeStream(true);
    const clock = fakeClock();
    const progress = startProgress({ steps: 40, batch: 8, stream, terminal: true, now: clock.now });
    progress.update({ ...row, step: 1 });
    expect(visible(stream.take())).toMatch(/^␛\?25l␍␛Jstep 1\/40 [^\n]*$/);
    clock.ms += 50; // too soon
    progress.update({ ...row, step: 2 });
    expect(stream.take()).toBe("");
    progress.stop();
    expect(stream.take()).toBe("\n\x1b[?25h");
    progress.stop();
    progress.update({ ...row, step: 3 });
    stream.emit("resize");
    expect(stream.take()).toBe("");
  });

  it("draws again within the new width when the terminal is resized", () => {
    const stream = fakeStream(true, 100);
    const progress = startProgress({ steps: 4000, batch: 8, stream, terminal: true });
    progress.update(row);
    const before = stream.take().length;
    stream.columns = 20;
    stream.emit("resize");
    const text = stream.take();
    // The old line of 47 characters fills three rows of 20: two up, then clear.
    expect(text).toContain("\r\x1b[2A\x1b[J");
    expect(text.split("\x1b[J")[1].length).toBeLessThan(20);
    expect(before).toBeGreaterThan(40);
    progress.stop();
  });

  it("writes a message above the line, which stays", () => {
    const stream = fakeStream(true);
    const progress = startProgress({ steps: 4000, batch: 8, stream, terminal: true });
    progress.update(row);
    stream.take();
    progress.log("saved checkpoint 3");
    expect(visible(stream.take())).toMatch(/^␍␛Jsaved checkpoint 3\n.*step 1,234/s);
    progress.stop();
  });

  const script = new URL("../support/progressRun.ts", import.meta.url).pathname;

  it("does not end a run whose stderr is closed", async () => {
    const child = spawn(process.execPath, ["--import", "tsx", script, "plain"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stderr.destroy();
    let out = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    const [code] = await once(child, "close");
    expect({ code, out }).toEqual({ code: 0, out: "finished\n" });
  });

  it("restores the cursor before a signal ends the process, which still dies of the signal", () => {
    const child = spawnSync(process.execPath, ["--import", "tsx", script, "interrupted"], { encoding: "utf8" });
    expect(child.signal).toBe("SIGINT");
    expect(visible(child.stderr)).toMatch(/␛\?25l.*\n␛\?25h$/s);
  });

  it("leaves a signal to the listener that the program has", () => {
    const child = spawnSync(process.execPath, ["--import", "tsx", script, "handled"], { encoding: "utf8" });
    expect(child.stdout).toBe("handled\nfinished\n");
    expect(child.status).toBe(0);
    expect(visible(child.stderr)).toMatch(/\n␛\?25h$/);
  });
});
