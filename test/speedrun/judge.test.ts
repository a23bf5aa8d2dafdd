/** Records without trainings: reading, judging, comparing, the table. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runRecord, tableOf } from "../../speedrun/judge.ts";
import { RecordError, type RecordFile, readRecord, recordNames, settingsOf } from "../../speedrun/record.ts";
import type { TrainedSeed } from "../../speedrun/trainSeed.ts";
import { resolveConfig } from "../../src/run/index.ts";

const RECORDS = fileURLToPath(new URL("../../speedrun/records", import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "siglip-records-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const EXAMPLE = {
  track: "within3000",
  change: "Fewer steps.",
  preset: "emoji",
  set: ["train.steps=10"],
} as const;

/** Writes a record with the hash of its settings. */
function write(name: string, changes: Partial<RecordFile> = {}): void {
  const save = (hash: string): void =>
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ ...EXAMPLE, ...changes, hash }));
  save("none");
  try {
    readRecord(folder, name);
  } catch (error) {
    save(/have the hash (\w+)/.exec((error as Error).message)?.[1] ?? "none");
  }
}

/** A training that gives these recalls. */
const gives =
  (recalls: readonly number[], gflop = 2_999) =>
  async (_: RecordFile, seed: number): Promise<TrainedSeed> => ({
    seed,
    recall: recalls[seed],
    gflop,
    seconds: 10,
    printed: `trained seed ${seed}`,
  });

/** What a run prints. */
async function printed(name: string, seeds: number, trainSeed: ReturnType<typeof gives>): Promise<string> {
  const lines: string[] = [];
  await runRecord(name, { folder, seeds, trainSeed, print: (line) => lines.push(line) });
  return lines.join("\n");
}

describe("the records", () => {
  it("are trained on noto and twemoji and judged on fluent, with settings that have not changed since", () => {
    const names = recordNames(RECORDS);
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      const record = readRecord(RECORDS, name);
      const { data } = resolveConfig(record.preset, settingsOf(record));
      expect(data).toMatchObject({ name: "emoji", trainStyles: ["noto", "twemoji"], testStyle: "fluent" });
      expect(tableOf(RECORDS)).toContain(name);
    }
  });
});

describe("a record", () => {
  it.each([
    ["data.testStyle=openmoji"],
    ["data.trainStyles=noto"],
    ["data.name=emoji-unseen"],
    ["train.seed=3"],
    ["train.lock=image"],
    [" eval.every=1"],
  ])("may not set %s", (setting) => {
    write("cheat", { set: [setting] });
    expect(() => readRecord(folder, "cheat")).toThrow(/sets .*, which is the same for all records; leave it out/);
  });

  it("is refused once a setting no longer has the value that was measured", () => {
    write("fine");
    const file = join(folder, "fine.json");
    expect(readRecord(folder, "fine")).toMatchObject(EXAMPLE);
    writeFileSync(file, readFileSync(file, "utf8").replace("steps=10", "steps=11"));
    expect(() => readRecord(folder, "fine")).toThrow(RecordError);
  });

  it("that is unknown, or on an unknown track, is answered with those that there are", () => {
    write("fine");
    expect(() => readRecord(folder, "fin")).toThrow(/no record "fin" in .*; there are fine/);
    writeFileSync(join(folder, "other.json"), JSON.stringify({ ...EXAMPLE, track: "within", hash: "" }));
    expect(() => readRecord(folder, "other")).toThrow(/unknown track within; choose one of to30, within3000/);
  });
});

describe("a run", () => {
  const RECALLS = [0.3, 0.31, 0.29, 0.32, 0.33];

  it("prints every seed, then mean, interval, operations and time, and records a first complete result", async () => {
    write("first");
    const text = await printed("first", 5, gives(RECALLS));
    expect(text).toContain("first, seed 4: R@1 33.0 %, 2,999 GFLOP, 10 s");
    expect(text).toContain("first, mean of 5: R@1 31.0 % (29.0 % … 33.0 %), 2,999 GFLOP, 10 s");
    expect(text).toContain("within3000 (best R@1 within 3,000 GFLOP): reached");
    const { result } = readRecord(folder, "first");
    expect(result?.seeds.map(({ recall }) => recall)).toEqual(RECALLS);
    expect(readFileSync(join(folder, "first.log"), "utf8")).toMatch(
      /^trained seed 0\nfirst, seed 0: [\s\S]*reached\n$/,
    );
  });

  it("compares with a result that is recorded, and leaves it as it is", async () => {
    write("first");
    await printed("first", 5, gives(RECALLS));
    const before = readFileSync(join(folder, "first.json"), "utf8");
    expect(await printed("first", 5, gives(RECALLS))).toContain("5 of 5 seeds as recorded, R@1 +0.00 points");
    expect(await printed("first", 2, gives([0.3, 0.3]))).toContain("1 of 2 seeds as recorded, R@1 −0.50 points");
    expect(readFileSync(join(folder, "first.json"), "utf8")).toBe(before);
  });

  it("of fewer than five seeds is neither judged nor recorded", async () => {
    write("short");
    const text = await printed("short", 4, gives(RECALLS));
    expect(text).not.toContain("reached");
    expect(text).toContain("not recorded: a result takes 5 seeds");
    expect(readRecord(folder, "short").result).toBeUndefined();
  });

  it("misses a budget that one seed exceeds, and a recall whose interval begins below 29 %", async () => {
    write("dear");
    expect(await printed("dear", 5, gives(RECALLS, 3_000.1))).toContain("): missed");
    write("scattered", { track: "to30" });
    expect(await printed("scattered", 5, gives([0.2, 0.3, 0.3, 0.4, 0.4]))).toContain("): missed");
    write("steady", { track: "to30" });
    expect(await printed("steady", 5, gives([0.3, 0.3, 0.31, 0.31, 0.31]))).toContain("): reached");
  });
});

describe("the table", () => {
  it("has the best record of each track first, those that miss it and those without a result last", async () => {
    for (const [name, recall, gflop] of [["a", 0.2, 2_000], ["b", 0.4, 3_001], ["c", 0.3, 2_500]] as const) {
      write(name);
      await printed(name, 5, gives(new Array(5).fill(recall), gflop));
    } // biome-ignore format: a record each
    for (const [name, gflop] of [["d", 9_000], ["e", 8_000]] as const) {
      write(name, { track: "to30" });
      await printed(name, 5, gives(new Array(5).fill(0.31), gflop));
    } // biome-ignore format: a record each
    write("f");
    const table = tableOf(folder);
    expect([...table.matchAll(/^ {2}(\w) /gm)].map(([, name]) => name)).toEqual(["e", "d", "c", "a", "b", "f"]);
    expect(table).toMatch(/ {2}b .*missed/);
    expect(table).toMatch(/ {2}f +not measured yet/);
  });
});
