import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { siglip, TINY } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "siglip-search-"));
const run = join(folder, "run");
const pictures = join(folder, "pictures");
/** Control characters: clear, backspace, new line, text direction. */
const HOSTILE = "a\u001b[2J\r\n\u202egnp.png";
const ESCAPED = "a\\u{1b}[2J\\u{d}\\u{a}\\u{202e}gnp.png";

beforeAll(async () => {
  const { code, stderr } = await siglip(["train", ...TINY, "--set", "train.steps=2", "--out", run]);
  expect(code, stderr).toBe(0);
  const square = (colour: string) => sharp({ create: { width: 60, height: 40, channels: 3, background: colour } });
  mkdirSync(join(pictures, "deep/.git"), { recursive: true });
  const put = (name: string, bytes: Uint8Array | string) => writeFileSync(join(pictures, name), bytes);
  put("red.jfif", await square("red").jpeg().toBuffer());
  put("blue", await square("blue").png().toBuffer());
  put("deep/green.webp", await square("green").webp().toBuffer());
  put("deep/.git/hidden.png", await square("pink").png().toBuffer());
  put("IMG_1.HEIC", "\0\0\0\x18ftypheic\0\0\0\0mif1heic");
  put("IMG_2.HEIC", "\0\0\0\x18ftypheic\0\0\0\0mif1heic");
  put("old.bmp", "BM\0\0\0\0");
  put("notes.txt", "shopping");
  put("cut.png", (await square("red").png().toBuffer()).subarray(0, 60));
  put("page.jpg", "<!DOCTYPE html>not found");
  put(HOSTILE, await square("black").png().toBuffer());
  symlinkSync("..", join(pictures, "deep/up"));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

const FOUND = ["blue", HOSTILE, "deep/green.webp", "red.jfif"];

describe("siglip search FOLDER", { timeout: 60_000 }, () => {
  it("finds pictures by their bytes, once each, and counts skipped files by kind", async () => {
    const { code, stdout, stderr } = await siglip(["search", run, "a circle", pictures, "--top", "99", "--json"]);
    expect(code, stderr).toBe(0);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({
      query: "a circle",
      pictures: 4,
      skipped: { heic: 2, bmp: 1, damaged: 1, html: 1, text: 1 },
    });
    const names = answer.results.map(({ picture }: { picture: string }) => picture);
    expect(names.sort()).toEqual(FOUND.map((name) => join(pictures, name)).sort());
    expect(stderr).toMatch(/^skipped: 2 HEIC, 1 BMP \(cannot be read here\), 1 damaged, 2 that are not pictures$/m);
    expect(stderr).toMatch(/^warning: picture ".*cut\.png": a PNG picture, damaged or cut short/m);
    expect(stderr).toMatch(/^warning: picture ".*page\.jpg": found an HTML page/m);
    expect(stderr).not.toMatch(/IMG_1/);
  });

  it("skips a damaged or missing picture that is named, and answers for the others", async () => {
    const named = ["cut.png", "red.jfif", "gone.png"].map((name) => join(pictures, name));
    const { code, stdout, stderr } = await siglip(["search", run, "a circle", ...named]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^ {2}1 {2}probability 0\.\d{4} {2}similarity [ -]\d\.\d{3} {2}.*red\.jfif\n$/);
    expect(stderr).toMatch(/cut\.png.*\n.*gone\.png.*no such file/);
  });

  it("refuses a query without quotes, whose second word would be a path", async () => {
    const { code, stdout, stderr } = await siglip(["search", run, "red", "circle", pictures]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/no picture or folder circle; put a query of several words in quotes/);
  });

  it("refuses a folder of runs, and names one of them", async () => {
    const { code, stdout, stderr } = await siglip(["search", folder, "a circle"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/ has no index and is no model; it holds runs: name one of them, such as .*\/run$/m);
  });

  it("says how many pictures lost more than half of their area, unless the run does not trim", async () => {
    const dot = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"><circle cx="20" cy="20" r="9"/></svg>',
    );
    const file = join(folder, "dot.svg");
    writeFileSync(file, dot);
    const { code, stderr } = await siglip(["search", run, "a circle", file, join(pictures, "blue")]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(
      /^1 of 2 pictures were cropped to the drawing in them and lost more than half of their area$/m,
    );
    const whole = join(folder, "whole");
    await siglip(["train", ...TINY, "--set", "train.steps=2", "--set", "data.trim=never", "--out", whole]);
    expect((await siglip(["search", whole, "a circle", file])).stderr).not.toMatch(/cropped/);
  });

  it("rejects an empty query, and warns of one that is cut, in an unknown script, or without a probable match", async () => {
    for (const query of ["", " \u00a0\t"]) {
      const { code, stderr } = await siglip(["search", run, query, pictures]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/the query .* is empty; write at least one word/);
    }
    const blue = join(pictures, "blue");
    const long = await siglip(["search", run, "a circle ".repeat(20), blue]);
    expect(long.stderr).toMatch(/^warning: the text is longer than the 15 tokens that the model reads/m);
    const russian = await siglip(["search", run, "красный круг", blue]);
    expect(russian.stderr).toMatch(/^warning: the model never saw text like "красный", "круг" in training/m);
    // After two steps the model takes no pair for probable.
    const unsure =
      /^nothing found among 1 picture: the nearest has a probability of 0\.\d{4}, below 0\.5; try another query; the nearest are listed\n$/;
    expect((await siglip(["search", run, "a red circle", blue])).stderr).toMatch(unsure);
    expect((await siglip(["search", run, "a red circle", blue, "--json"])).stderr).toBe("");
  });

  it("exits with 65 when nothing could be read, and says why", async () => {
    for (const named of ["cut.png", "IMG_1.HEIC", "notes.txt", "deep/.git/none"]) {
      const { code, stdout, stderr } = await siglip(["search", run, "a circle", join(pictures, named)]);
      expect([code, stdout]).toEqual([65, ""]);
      expect(stderr).toMatch(/no readable picture in .*/);
    }
    const { code, stderr } = await siglip(["search", run, "a circle", "/dev/zero"]);
    expect(code).toBe(65);
    expect(stderr).toMatch(/not a regular file/);
  });

  it("escapes control characters in names and labels, and leaves JSON as it is", async () => {
    const file = join(pictures, HOSTILE);
    const searched = await siglip(["search", run, "a circle", file]);
    expect(searched.stdout).toContain(ESCAPED);
    const refused = await siglip(["classify", run, `${file}\u009b`, "cat"]);
    expect(refused.stderr).toContain(`${ESCAPED}\\u{9b}`);
    const classified = await siglip(["classify", run, file, HOSTILE, "cat"]);
    expect(classified.stdout).toContain(ESCAPED);
    const unknown = await siglip(["search", `${folder}/\u001b[2J\u202e`, "a circle"]);
    const option = await siglip(["train", "--\u001b[2J\u202e"]);
    for (const { stdout, stderr } of [searched, refused, classified, unknown, option]) {
      expect(stdout + stderr).not.toMatch(/(?!\n)\p{Cc}|\u202e/u);
    }
    const { stdout } = await siglip(["classify", run, file, HOSTILE, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ picture: file, results: [{ text: HOSTILE }] });
  });
});
