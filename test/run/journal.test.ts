import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { realFs } from "../../src/run/fs.ts";
import { Journal, readJournal } from "../../src/run/journal.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const session = (command: string) => ({ date: "2026-01-02T03:04:05.000Z", command, devices: "2 devices" });

/** A journal whose clock is moved by hand, in seconds. */
function begin(folder: string, command: string, first = 0) {
  let seconds = 0;
  const journal = new Journal(folder, session(command), first, { now: () => 1000 * seconds });
  return {
    saw(step: number, at: number, isLast = false): void {
      seconds = at;
      journal.saw(step, isLast);
    },
  };
}

describe("a journal", () => {
  it("reads back as it was written", () => {
    const folder = temporaryFolder();
    const journal = begin(folder, "siglip train");
    journal.saw(1, 2);
    journal.saw(9, 5.5);
    expect(readJournal(folder)).toEqual({
      sessions: [session("siglip train")],
      times: [
        { step: 1, seconds: 2, isFirst: true },
        { step: 9, seconds: 5.5, isFirst: false },
      ],
    });
  });

  it("goes on with the seconds of the run it resumes, and forgets steps that are taken again", () => {
    const folder = temporaryFolder();
    const before = begin(folder, "siglip train");
    before.saw(10, 20);
    before.saw(14, 28);
    const after = begin(folder, "siglip train --resume", 10);
    after.saw(11, 3);
    const { sessions, times } = readJournal(folder);
    expect(sessions.map(({ command }) => command)).toEqual(["siglip train", "siglip train --resume"]);
    expect(times).toEqual([
      { step: 10, seconds: 20, isFirst: true },
      { step: 11, seconds: 23, isFirst: true },
    ]);
  });

  it("notes a step a second, in long runs one in a hundredth of the time, and always the last", () => {
    const folder = temporaryFolder();
    const journal = begin(folder, "siglip train");
    for (let step = 1; step <= 20_000; step++) journal.saw(step, step / 10, step === 20_000);
    const { times } = readJournal(folder);
    expect(times.length).toBeLessThan(400);
    expect(times.at(-1)).toMatchObject({ step: 20_000, seconds: 2000 });
    journal.saw(20_000, 2500, true);
    expect(readJournal(folder).times.at(-1)).toMatchObject({ step: 20_000, seconds: 2000 });
  });

  it("leaves out lines that cannot be read, such as the cut end of a killed run", () => {
    const folder = temporaryFolder();
    begin(folder, "siglip train").saw(1, 2);
    appendFileSync(join(folder, "journal.jsonl"), '{"step":2,"sec');
    begin(folder, "siglip train --resume", 1).saw(2, 2);
    const { sessions, times } = readJournal(folder);
    expect(sessions).toHaveLength(2);
    expect(times.map(({ step }) => step)).toEqual([1, 2]);
    writeFileSync(join(folder, "journal.jsonl"), 'null\n{"step":"3"}\n{"step":1,"date":5}\n[1]\n');
    expect(readJournal(folder)).toEqual({ sessions: [], times: [] });
  });

  it("is empty for a run that has none", () => {
    expect(readJournal(temporaryFolder())).toEqual({ sessions: [], times: [] });
  });

  it("warns once of a full disk, and goes on", () => {
    const folder = temporaryFolder();
    const warnings: string[] = [];
    const fs = {
      ...realFs,
      write(): number {
        throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      },
    };
    const journal = new Journal(folder, session("siglip train"), 0, { fs, say: (warning) => warnings.push(warning) });
    journal.saw(1);
    journal.saw(2, true);
    expect(warnings).toEqual([expect.stringMatching(/journal\.jsonl cannot be written \(ENOSPC.*will lack times/)]);
    expect(readFileSync(join(folder, "journal.jsonl"), "utf8")).toBe("");
  });
});
