import { describe, expect, it } from "vitest";
import { type LanguageRow, type LanguageTable, renderReport } from "../../src/report/index.ts";
import { demoReport } from "../support/reportDemo.ts";

const demo = { ...demoReport(), metrics: [], sheet: [] };
const recall = (textToImage: number, imageToText: number) => [{ k: 1, textToImage, imageToText }];
const row = (language: string, ownName: string, script: string, trained: boolean, share: number): LanguageRow => ({
  language, name: `name of ${language}`, ownName, script, trained, recall: recall(share, share / 2),
}); // biome-ignore format: one column
const table: LanguageTable = {
  rows: [
    row("de", "Deutsch", "Latin", true, 0.4),
    row("nb", "norsk bokmål", "Latin", false, 0.1),
    row("he", "עברית", "Hebrew", true, 0.2),
  ],
  means: [{ name: "all trained", languages: 2, recall: recall(0.3, 0.15) }],
};
const page = renderReport({ ...demo, languages: table });

describe("the table of languages", () => {
  it("shows each language by its own name, with its code for the browser, and isolates its direction", () => {
    expect(page).toContain('<bdi lang="he">עברית</bdi>');
    expect(page).toContain('<bdi lang="de">Deutsch</bdi>');
  });

  it("heads the languages of a script once", () => {
    expect(page).toContain('<th scope="rowgroup" rowspan="2">Latin</th>');
    expect(page).toContain('<th scope="rowgroup" rowspan="1">Hebrew</th>');
  });

  it("marks those that training never saw, and only those", () => {
    expect(page.match(/<tr class="unseen">/g)).toHaveLength(1);
    expect(page).toContain("name of nb, nb ○");
  });

  it("draws bars in proportion to recall, the best one across", () => {
    const widths = [...page.matchAll(/<span style="width:([\d.]+)%"><\/span>/g)].map(([, width]) => Number(width));
    expect(widths).toEqual([100, 50, 25, 12.5, 50, 25]);
  });

  it("ends with the means", () => {
    expect(page).toMatch(/mean of 2: all trained<\/th><td class="first">30\.0 %<\/td><td>15\.0 %/);
  });

  it("shows hostile names as text", () => {
    const hostile = '"><script>alert(1)</script>';
    const rows = [{ ...table.rows[0], language: hostile, name: hostile, ownName: hostile, script: hostile }];
    const means = [{ ...table.means[0], name: hostile }];
    const shown = renderReport({ ...demo, languages: { rows, means } });
    expect(shown).not.toContain("<script");
    expect(shown).toContain('lang="&quot;&gt;&lt;script&gt;');
  });

  it("is left out without several languages", () => {
    expect(renderReport(demo)).not.toContain("<h2>Languages</h2>");
  });
});

it("texts of the sheet and of the matrix name their language", () => {
  const full = demoReport();
  const sheet = [{ ...full.sheet[0], language: "ja", text: "犬" }];
  const sample = { ...full.sample, languages: full.sample.names.map(() => "th") };
  const shown = renderReport({ ...full, sheet, sample });
  expect(shown).toContain('<bdi lang="ja">“犬”</bdi>');
  expect(shown.match(/text-anchor="end" lang="th"/g)).toHaveLength(16 + 8); // and of the small matrix
});
