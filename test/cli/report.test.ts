import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { interrupted, siglip, TINY } from "../support/cli.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "siglip-report-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(at(name), "utf8");

describe("siglip report", { timeout: 120_000 }, () => {
  it("writes of a finished run the same page as its training", async () => {
    const trained = await siglip([
      "train",
      ...TINY,
      "--set",
      "train.steps=4",
      "--set",
      "eval.every=2",
      "--out",
      at("run"),
    ]);
    expect(trained.code, trained.stderr).toBe(0);
    expect(read("run/report.html")).toMatch(
      /Finished: 4 steps\..*Recall at 1.*Training and test pictures.*The first batch/s,
    );
    expect(read("run/report.html")).toMatch(/command<\/dt><dd>[^<]* train --preset shapes /);
    const { code, stdout, stderr } = await siglip(["report", at("run"), "--out", at("again.html")]);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(`report: ${at("again.html")}\n`);
    expect(read("again.html")).toBe(read("run/report.html"));
  });

  it("compares runs by their files, with the keys in which they differ", async () => {
    cpSync(at("run"), at("other"), { recursive: true });
    const config = JSON.parse(read("other/config.json"));
    config.optim.lr = 0.001;
    writeFileSync(at("other/config.json"), JSON.stringify(config));
    const { code, stderr } = await siglip(["report", at("run"), at("other"), "--out", at("both.html")]);
    expect(code, stderr).toBe(0);
    expect(read("both.html")).toMatch(/optim\.lr<\/th><td class="first">0\.002<\/td><td class="first">0\.001<\/td>/);
    expect(read("both.html")).not.toContain("train.batch</th>");
  });

  it("shows how far an interrupted run has come", async () => {
    const args = ["train", ...TINY, "--set", "train.steps=4000", "--out", at("stopped")];
    const { stderr } = await interrupted(args);
    const [, step] = /after step (\d+)/.exec(stderr) ?? [];
    expect(read("stopped/report.html")).toContain(`>Interrupted after step ${step} of 4,000.<`);
    expect(read("stopped/report.html")).not.toContain('data-renew="');
  });

  it("does not replace a file that is no report, and no run is compared with itself", async () => {
    writeFileSync(at("thesis.html"), "years of work");
    const refused = await Promise.all([
      siglip(["report", at("run"), "--out", at("thesis.html")]),
      siglip(["report", at("run"), at("run")]),
      siglip(["report", at("run"), "--out", at("report.txt")]),
      siglip(["report", at("nowhere")]),
    ]);
    expect(refused.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    expect(refused[0].stderr).toContain("exists and is not a report");
    expect(refused[1].stderr).toContain("named twice");
    expect(read("thesis.html")).toBe("years of work");
    expect(existsSync(at("report.txt"))).toBe(false);
  });
});
