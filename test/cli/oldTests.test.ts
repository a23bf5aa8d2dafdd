/** Before and after: the tests of the data that the weights of --init come from (run/oldTests.ts). */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { type Finished, siglip, TINY } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "siglip-old-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const data = fileURLToPath(new URL("../fixtures/sources/folder", import.meta.url));

async function done(...args: readonly string[]): Promise<Finished> {
  const finished = await siglip(args, undefined, [], undefined, { SIGLIP_CACHE: at("cache") });
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}
/** Names of the files that a run would write. */
const filesOf = async (...args: readonly string[]): Promise<string[]> => {
  const { files } = JSON.parse((await done("train", ...args, "--dry-run", "--json")).stdout);
  return files.map((file: string) => basename(file)).sort();
};
const evaluated = async (run: string) => JSON.parse((await done("eval", at(run), "--json", "--devices", "1")).stdout);

describe("a run that starts from a run on other data", { timeout: 400_000 }, () => {
  it("is tested on that data too, before and after, as long as it is there", async () => {
    await done("train", ...TINY, "--set", "train.steps=6", "--devices", "1", "--out", at("shapes"));
    const args = ["--data", data, "--init", at("shapes"), "--set", "train.steps=2", "--devices", "1"];
    const { stdout } = await done("train", ...args, "--out", at("own"));
    const [was] = (await evaluated("shapes")).tests;
    const { tests } = await evaluated("own");
    const [own, old] = tests;
    expect([tests.length, old.name]).toEqual([3, was.name]); // its own one, and two of shapes
    expect(old.title).toBe(`data of ${at("shapes")}: ${was.title}`);
    expect(old.before).toEqual({ textToImage: was.textToImage, imageToText: was.imageToText });
    expect(own.before).toBeUndefined();
    expect(stdout).toMatch(
      /data of .*shapes: .*\n.*\n +text → picture .*\n +picture → text .*\n +text → picture before/,
    );
    const report = readFileSync(join(at("own"), "report.html"), "utf8");
    expect(report).toContain("before this training");

    const kept = JSON.parse(readFileSync(join(at("own"), "init.json"), "utf8"));
    kept.data = { ...kept.data, name: "files", path: at("gone") };
    writeFileSync(join(at("own"), "init.json"), JSON.stringify(kept));
    const { stdout: without, stderr } = await done("eval", at("own"), "--json", "--devices", "1");
    expect(JSON.parse(without).tests.length).toBe(1);
    expect(stderr).toMatch(/the tests of the data of .*shapes are left out: .*gone/);
  });

  it("names init.json in a dry run, unless the data is the same", async () => {
    const planned = await filesOf("--data", data, "--init", at("shapes"), "--devices", "1");
    expect(planned).toEqual(readdirSync(at("own")).sort());
    const again = await filesOf("--data", data, "--init", at("own"), "--devices", "1");
    expect(again).toEqual(planned.filter((name) => name !== "init.json")); // there is nothing else to test
  });
});
