/** Recall by language as a table with bars: languages of a script together, those that training never saw marked. */
import type { LanguageMean, LanguageRow, LanguageTable } from "./data.ts";
import { html, type Markup } from "./markup.ts";
import { percent } from "./tables.ts";

/** The table; undefined for data without several languages. */
export function languageTable(table: LanguageTable | undefined): Markup | undefined {
  if (table === undefined || table.rows.length === 0) return undefined;
  const { rows, means } = table;
  const k = rows[0].recall[0].k;
  const longest = Math.max(...rows.flatMap(({ recall }) => [recall[0].textToImage, recall[0].imageToText]), 1e-9);
  const figures = ({ recall: [{ textToImage, imageToText }] }: LanguageRow | LanguageMean) =>
    html`<td class="first">${percent(textToImage)}</td><td>${percent(imageToText)}</td>`;
  const bars = ({ recall: [{ textToImage, imageToText }] }: LanguageRow) =>
    [textToImage, imageToText].map((share) => html`<span style="width:${(100 * share) / longest}%"></span>`);
  const scripts = [...new Set(rows.map(({ script }) => script))].map((script) =>
    rows.filter((row) => row.script === script),
  );
  const groups = scripts.map(
    (group) =>
      html`<tbody>${group.map(
        (row, i) =>
          html`<tr class="${row.trained ? "" : "unseen"}">${
            i === 0 && html`<th scope="rowgroup" rowspan="${group.length}">${row.script}</th>`
          }<th scope="row"><bdi lang="${row.language}">${row.ownName}</bdi></th><td class="code">${row.name}, ${row.language}${
            row.trained ? "" : " ○"
          }</td><td class="bars">${bars(row)}</td>${figures(row)}</tr>`,
      )}</tbody>`,
  );
  return html`<div class="scroll table"><table class="results languages">
<thead><tr><th scope="col">script</th><th scope="col" colspan="2">language</th><th scope="col">R@${k}, up to ${percent(longest)}</th><th scope="col" class="first">text → picture</th><th scope="col">picture → text</th></tr></thead>
${groups}
<tbody>${means.map(
    (mean) => html`<tr><th scope="row" colspan="4">mean of ${mean.languages}: ${mean.name}</th>${figures(mean)}</tr>`,
  )}</tbody></table></div>`;
}
