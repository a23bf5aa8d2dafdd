/** The metrics of a run: nothing is filtered or lost, and a resumed run reads like one that never stopped. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Fs, realFs } from "../../src/run/fs.ts";
import { type Metrics, MetricsLog, metricsLine, readMetrics, rewindMetrics } from "../../src/run/metrics.ts";
import { Killed, SimulatedFs } from "../support/simulatedFs.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const FOLDER = "/run";

function log(folder: string, rows: readonly Metrics[], fs?: Fs): void {
  const metrics = new MetricsLog(folder, fs);
  for (const row of rows) metrics.append(row);
  metrics.sync();
  metrics.close();
}

it("every number comes back to the same bits, NaN and infinities too", () => {
  const name = fc.string({ unit: "binary", maxLength: 8 }).filter((text) => !/\p{Cs}/u.test(text));
  const text = name.filter((t) => !["NaN", "Infinity", "-Infinity"].includes(t));
  const row = fc
    .tuple(fc.nat(), fc.dictionary(name, fc.oneof(fc.double(), text), { noNullPrototype: true }))
    .map(([step, rest]) => ({ ...rest, step }) as Metrics);
  fc.assert(
    fc.property(fc.array(row, { maxLength: 5 }), (rows) => {
      const fs = new SimulatedFs([FOLDER]);
      log(FOLDER, rows, fs);
      expect(readMetrics(FOLDER, fs)).toStrictEqual({ rows, unreadable: 0 });
    }),
  );
});

it("a line is JSON, with strings for NaN and infinity", () => {
  const line = metricsLine({
    step: 3,
    loss: Number.NaN,
    norm: Number.NEGATIVE_INFINITY,
    zero: -0,
    tiny: 1e-45,
    set: "openmoji",
  });
  expect(line).toBe('{"step":3,"loss":"NaN","norm":"-Infinity","zero":-0,"tiny":1e-45,"set":"openmoji"}');
  expect(() => JSON.parse(line)).not.toThrow();
  expect(() => metricsLine({ step: 3, loss: "NaN" })).toThrow(RangeError);
});

it("lines are added behind those of an earlier process", () => {
  const folder = temporaryFolder();
  log(folder, [{ step: 1, loss: 3 }]);
  log(folder, [{ step: 2, loss: 2 }]);
  expect(readFileSync(join(folder, "metrics.jsonl"), "utf8")).toBe('{"step":1,"loss":3}\n{"step":2,"loss":2}\n');
});

it("there are no metrics before the first", () => {
  expect(readMetrics(temporaryFolder())).toEqual({ rows: [], unreadable: 0 });
});

it("a truncated line, by a kill or a full disk, damages no other", () => {
  const folder = temporaryFolder();
  log(folder, [{ step: 1, loss: 3 }]);
  appendFileSync(join(folder, "metrics.jsonl"), '{"step":2,"lo');
  log(folder, [{ step: 3, loss: 1 }]);
  expect(readMetrics(folder)).toEqual({
    rows: [
      { step: 1, loss: 3 },
      { step: 3, loss: 1 },
    ],
    unreadable: 1,
  });
});

it("lines that do not fit on the disk cause one warning, wait, and are written in order once there is room", () => {
  const fs = new SimulatedFs([FOLDER], 5);
  const said: string[] = [];
  const metrics = new MetricsLog(FOLDER, fs, (warning) => said.push(warning));
  const rows = [1, 2, 3, 4].map((step) => ({ step, loss: step }));
  fs.capacity = 12;
  metrics.append(rows[0]);
  metrics.append(rows[1]);
  expect(said).toEqual([
    "metrics: /run/metrics.jsonl cannot be written (ENOSPC: write; 8 bytes needed, 0 free); make room: until then lines are kept in memory and the run continues",
  ]);
  expect(metrics.sync()).toHaveLength(2);
  fs.capacity = 1000;
  metrics.append(rows[2]);
  expect(readMetrics(FOLDER, fs)).toEqual({ rows: rows.slice(0, 3), unreadable: 0 });
  expect(metrics.sync()).toEqual([]);
  // When the disk is full again, there is another warning.
  fs.capacity = 0;
  metrics.append(rows[3]);
  expect(said).toHaveLength(2);
});

it("an error that is not from the disk is rethrown", () => {
  const fs = new SimulatedFs([FOLDER]);
  const metrics = new MetricsLog(FOLDER, fs);
  fs.faultAt = () => "kill";
  expect(() => metrics.append({ step: 1 })).toThrow(Killed);
});

it("discarded lines are on the disk before they are cut off, whatever a power cut does", () => {
  const rows = Array.from({ length: 6 }, (_, i) => ({ step: i + 1, loss: i }));
  let seed = 1;
  const choose = (n: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  for (let at = 0, whole = false; !whole; at++) {
    for (let sample = 0; sample < 20; sample++) {
      const fs = new SimulatedFs([FOLDER]);
      log(FOLDER, rows, fs);
      fs.syncFolder(FOLDER);
      const start = fs.operations;
      fs.faultAt = (operation) => (operation === start + at ? "kill" : undefined);
      try {
        rewindMetrics(FOLDER, 3, fs);
        whole = true;
      } catch {
        // killed
      }
      const after = fs.afterPowerCut(choose);
      const text = ["metrics.jsonl", "metrics.discarded.jsonl"]
        .filter((name) => after.list(FOLDER).includes(name))
        .map((name) => new TextDecoder().decode(after.read(`${FOLDER}/${name}`)))
        .join("");
      for (const row of rows) expect(text).toContain(metricsLine(row));
    }
  }
});

it("a run resumed at a step reads as if it had never stopped, and later measurements are moved aside", () => {
  const folder = temporaryFolder();
  const rows = Array.from({ length: 10 }, (_, i) => ({ step: i + 1, loss: 1 / (i + 1) }));
  log(folder, rows.slice(0, 8));
  appendFileSync(join(folder, "metrics.jsonl"), '{"st');
  rewindMetrics(folder, 5);
  log(folder, rows.slice(5));
  expect(readMetrics(folder)).toEqual({ rows, unreadable: 0 });
  const discarded = readFileSync(join(folder, "metrics.discarded.jsonl"), "utf8");
  expect(discarded).toBe(
    `${rows
      .slice(5, 8)
      .map((row) => JSON.stringify(row))
      .join("\n")}\n{"st\n`,
  );
});

it("zeros after a power cut are moved aside as well", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "metrics.jsonl"), `{"step":1,"loss":3}\n${"\0".repeat(100)}`);
  expect(readMetrics(folder).unreadable).toBe(1);
  rewindMetrics(folder, 5);
  expect(readMetrics(folder)).toEqual({ rows: [{ step: 1, loss: 3 }], unreadable: 0 });
});

it("a kill at any operation of rewinding loses no line", () => {
  const rows = Array.from({ length: 6 }, (_, i) => ({ step: i + 1, loss: i }));
  for (let at = 0, whole = false; !whole; at++) {
    const fs = new SimulatedFs([FOLDER]);
    log(FOLDER, rows, fs);
    const start = fs.operations;
    fs.faultAt = (operation) => (operation === start + at ? "kill" : undefined);
    try {
      rewindMetrics(FOLDER, 3, fs);
      whole = true;
    } catch {
      // killed
    }
    const after = fs.afterKill();
    const kept = readMetrics(FOLDER, after).rows;
    expect([3, 6]).toContain(kept.length);
    if (kept.length === 3) expect(after.list(FOLDER)).toContain("metrics.discarded.jsonl");
    rewindMetrics(FOLDER, 3, after);
    expect(readMetrics(FOLDER, after).rows).toEqual(rows.slice(0, 3));
  }
});

it("a folder with the name of the file is an error that names it", () => {
  const folder = temporaryFolder();
  realFs.makeFolder(join(folder, "metrics.jsonl"));
  expect(() => readMetrics(folder)).toThrow(/metrics\.jsonl, byte 0: expected a regular file \(NOT_A_REGULAR_FILE\)/);
});
