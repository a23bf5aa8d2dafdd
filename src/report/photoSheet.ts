/** The answers of a photo search as one HTML page with the pictures in it. */
import { html, Markup } from "./markup.ts";
import { pageStyle } from "./style.ts";

/** A found picture. */
export interface SheetPhoto {
  readonly rank: number;
  readonly file: string;
  /** The picture as a data URI; absent if it could not be read. */
  readonly thumbnail?: string;
  readonly similarity: number;
  readonly probability: number;
  readonly taken?: string;
  /** Files that look the same. */
  readonly duplicates: readonly string[];
}

/** What a sheet shows. */
export interface PhotoSheet {
  /** The query in words. */
  readonly query: string;
  /** Pictures in the index. */
  readonly photos: number;
  readonly results: readonly SheetPhoto[];
}

const SHEET = `
.photos { list-style: none; margin: 1.6rem 0 0; padding: 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); }
.photo { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: .8rem; font-size: .875rem; line-height: 1.4; }
.photo img { display: block; width: 100%; height: 12rem; object-fit: contain; border-radius: 4px; }
.photo .missing { display: grid; place-items: center; height: 12rem; color: var(--soft); border: 1px dashed var(--rule); border-radius: 4px; }
.photo .file { display: block; margin-top: .5rem; overflow-wrap: anywhere; }
.photo .p { text-align: left; } .photo summary { font-weight: 400; color: var(--soft); } .photo details { margin: .3rem 0 0; } .photo details bdi { display: block; overflow-wrap: anywhere; }`;

/** The page. */
export function renderPhotoSheet({ query, photos, results }: PhotoSheet): string {
  const among = `${photos.toLocaleString("en")} ${photos === 1 ? "picture" : "pictures"}`;
  const summary =
    results.length === 0
      ? `Nothing found among ${among}.`
      : `The best ${results.length} of ${among}, the most similar first.`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${query}</title>
<style>${new Markup(pageStyle + SHEET)}</style>
</head>
<body><main>
<h1><bdi>${query}</bdi></h1>
<p class="lead">${summary}</p>
<ol class="photos">${results.map(card)}</ol>
</main></body>
</html>
`.text;
}

function card({ rank, file, thumbnail, similarity, probability, taken, duplicates }: SheetPhoto): Markup {
  const percent = (100 * probability).toFixed(probability > 0.995 || probability < 0.01 ? 1 : 0);
  const name = file.slice(file.lastIndexOf("/") + 1);
  const same =
    duplicates.length === 1 ? "1 picture that looks the same" : `${duplicates.length} pictures that look the same`;
  return html`<li class="photo">
${thumbnail === undefined ? html`<span class="missing">cannot be read now</span>` : html`<img src="${thumbnail}" alt="${name}">`}
<bdi class="file" title="${file}">${rank}. ${name}</bdi>
<span class="bar"><span style="width:${percent}%"></span></span>
<span class="p" title="x·y = ${similarity.toFixed(3)}">${percent} % probable${taken && ` · ${taken.slice(0, 10)}`}</span>
${duplicates.length > 0 && html`<details><summary>${same}</summary>${duplicates.map((each) => html`<bdi>${each}</bdi>`)}</details>`}
</li>`;
}
