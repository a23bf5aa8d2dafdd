/** Style sheets: colours as CSS variables for light and dark, the marks of figures, the layout of the page. */

const COLOURS = `
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --card: #ffffff; --ink: #1d2129; --soft: #5b6472; --rule: #dfe1e6; --faint: #eceef1;
  --s0: #1f5fbf; --s1: #b85c00; --s2: #16794a; --s3: #a3267f; --s4: #5b4bc4; --s5: #7a6a00; --s6: #00788a; --s7: #b3261e; --warn: #8a4b00; --heat: #1b4fa8; --ring: #d1480f; --good: #1c7a3e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --card: #1c1f25; --ink: #e8eaee; --soft: #a0a8b5; --rule: #353a44; --faint: #272b33;
    --s0: #7fb0ff; --s1: #f0a04b; --s2: #6fd08f; --s3: #f08ccb; --s4: #b4a6ff; --s5: #d9c64a; --s6: #5cc8d7; --s7: #ff8a80; --warn: #f3c07a; --heat: #8fbcff; --ring: #ff9a5c; --good: #6fd08f;
  }
}`;

/** Dashes of the series: nothing relies on colour alone. */
const DASHES = ["none", "7 4", "2 3", "10 3 2 3", "5 2", "1 4", "12 4", "8 3 2 3 2 3"];

/** Strokes and fills of the series. */
const SERIES = DASHES.map(
  (dashes, i) =>
    `path.s${i} { stroke: var(--s${i}); } path.line.s${i} { stroke-dasharray: ${dashes}; } path.band.s${i}, .dot.s${i} { fill: var(--s${i}); }`,
).join("\n");

const FIGURES = `
svg { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; }
svg text { fill: var(--soft); }
svg .title { fill: var(--ink); font-size: 16px; font-weight: 600; }
svg .value { fill: var(--ink); font-size: 16px; }
svg .legend { fill: var(--ink); font-size: 13px; }
svg path { fill: none; }
.axis { stroke: var(--soft); }
.grid { stroke: var(--faint); }
.reference { stroke: var(--soft); stroke-dasharray: 5 4; }
.line { stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.raw { stroke-width: 1; stroke-opacity: .3; stroke-linejoin: round; }
${SERIES}
path.band { stroke: none; fill-opacity: .16; }
.heat { fill: var(--heat); }
.ring { fill: none; stroke: var(--ring); stroke-width: 1.75; }
.rule { stroke: var(--soft); stroke-width: 1; } .chosen { stroke: var(--ink); stroke-width: 2; }
svg .mark { stroke: var(--ring); stroke-width: 2; }`;

const PAGE = `
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1240px; margin: 0 auto; padding: 2.5rem clamp(1rem, 3vw, 2rem) 4rem; }
h1 { font-size: clamp(1.5rem, 4vw, 2.1rem); line-height: 1.2; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 3rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .3rem; }
p { margin: .4rem 0 1rem; max-width: 46rem; }
.lead, .how { color: var(--soft); }
.status { font-weight: 600; } .status.running::before { content: "●"; color: var(--good); margin-right: .4rem; }
.warnings ul { margin: .4rem 0; padding: .7rem 1.1rem .7rem 2.2rem; border: 1px solid var(--warn); border-radius: 10px; background: var(--card); } .warnings li { overflow-wrap: anywhere; }
.axes { display: flex; flex-wrap: wrap; gap: .4rem .9rem; align-items: center; margin: .6rem 0 1rem; color: var(--soft); font-size: .9rem; } .axes[hidden] { display: none; }
.axes select { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--rule); border-radius: 6px; padding: .3rem .4rem; }
.charts figure { position: relative; } .chart { touch-action: pan-y; } [role=slider] { cursor: crosshair; }
:focus-visible { outline: 2px solid var(--s0); outline-offset: 3px; border-radius: 4px; }
.tip { position: absolute; left: 1.1rem; right: 1.1rem; z-index: 1; display: flex; flex-wrap: wrap; gap: 0 .8rem; background: var(--card); font-size: .75rem; line-height: 1.3; pointer-events: none; }
.tip[hidden] { display: none; } .tip span { overflow-wrap: anywhere; } .tip span:first-child { color: var(--soft); }
.swatch { width: 18px; height: 8px; vertical-align: middle; } .said { min-height: 1.5em; margin: .5rem 0 0; }
.batch { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 11rem), 1fr)); gap: .7rem; }
.batch li { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .6rem; break-inside: avoid; } .batch img { image-rendering: pixelated; border-radius: 4px; background: #fff; margin-right: .3rem; }
.tokens { margin: .4rem 0 0; display: flex; flex-wrap: wrap; gap: 3px; font-size: .875rem; line-height: 1.4; } .tokens span { white-space: pre; border: 1px solid var(--rule); border-radius: 4px; padding: 0 .25rem; background: var(--faint); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .9rem; margin: 1.6rem 0 0; padding: 0; }
.tiles div, figure { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: .9rem 1.1rem; margin: 0; }
.tiles dt { color: var(--soft); font-size: .875rem; } .tiles dd { margin: 0; }
.tiles .big { font-size: 1.75rem; font-weight: 600; line-height: 1.3; } .tiles .small { color: var(--soft); font-size: .875rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 1rem; }
figcaption { color: var(--soft); font-size: .875rem; line-height: 1.45; margin-top: .5rem; }
.chart { display: block; width: 100%; height: auto; overflow: visible; }
.scroll { overflow-x: auto; }
.sheet .mark { position: absolute; top: .3rem; right: .45rem; font-weight: 700; color: var(--good); background: var(--card); border-radius: 4px; padding: 0 .15rem; } .missed .mark { color: var(--soft); font-weight: 400; }
.table { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: .3rem .4rem; margin-bottom: 1rem; }
.similarity { display: grid; grid-template-columns: minmax(0, 5fr) minmax(15rem, 2fr); gap: 1.5rem; }
.similarity figcaption { font-size: .95rem; margin: 0; } .similarity figcaption p { margin: 0 0 .8rem; }
.matrix { display: block; width: 100%; height: auto; } .narrow { display: none; }
.results { border-collapse: collapse; width: 100%; min-width: 36rem; }
.results caption { text-align: left; padding: .5rem .8rem; color: var(--soft); } .results tbody tr:last-child > * { border-bottom: 0; }
.results th, .results td { padding: .45rem .8rem; text-align: right; white-space: nowrap; font-weight: 400; border-bottom: 1px solid var(--rule); }
.results thead th { color: var(--soft); font-size: .875rem; } .results th:first-child[scope] { text-align: left; }
.results tr:last-child > th[scope=col].first, .results tbody th { text-align: right; } .results tbody th { text-align: left; white-space: normal; }
.results .first { border-left: 1px solid var(--rule); } .results th[scope=colgroup] { text-align: center; }
.results tbody tr:first-child > * { font-weight: 600; } .results.runs tbody tr > * { font-weight: 400; } .runs td { white-space: normal; overflow-wrap: break-word; }
.results, figure, .query, .tiles div { break-inside: avoid; }
.results.languages thead th, .results.languages tbody tr > * { padding: .2rem .5rem; font-weight: 400; font-size: .9rem; } .results.languages thead th { text-align: left; }
.languages .bars { width: 100%; min-width: 6rem; } .languages .code { text-align: left; color: var(--soft); } .results.languages tbody th { white-space: nowrap; }
.languages .bars span { display: block; height: 6px; margin: 2px 0; background: var(--s0); } .languages .bars span + span { background: var(--s1); }
.languages .unseen .bars span { background: none; border: 1.5px solid var(--s0); } .languages .unseen .bars span + span { border-color: var(--s1); }
.languages tbody tr:not(:last-child) > :not([scope=rowgroup]) { border-bottom: 0; } .results.languages tbody tr:last-child > * { border-bottom: 1px solid var(--rule); }
.sheet, .cards { list-style: none; margin: 0; padding: 0; }
.query { display: grid; grid-template-columns: 13rem 1fr; gap: 1rem; padding: .9rem 0; border-top: 1px solid var(--rule); }
.ask { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.verdict { display: block; font-weight: 400; font-size: .875rem; color: var(--soft); } .hit { color: var(--good); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, 8.2rem); gap: .7rem; }
.card { position: relative; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .5rem; font-size: .8125rem; line-height: 1.3; }
.card img { display: block; max-width: 100%; height: auto; margin: 0 auto .4rem; image-rendering: pixelated; border-radius: 4px; background: #fff; }
.card.right { border-color: var(--good); box-shadow: inset 0 0 0 1px var(--good); } .card.missed { border-style: dashed; border-color: var(--soft); }
.name { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden; min-height: 2.6em; text-align: center; overflow-wrap: break-word; hyphens: auto; }
.bar { display: block; height: 4px; margin: .35rem 0 .2rem; border-radius: 2px; background: var(--faint); }
.bar span { display: block; height: 100%; border-radius: 2px; background: var(--s0); }
.p { display: block; text-align: center; color: var(--soft); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 0 2rem; margin: 0 0 1rem; }
.facts div { display: flex; justify-content: space-between; gap: 1rem; border-bottom: 1px solid var(--rule); padding: .35rem 0; }
.facts dt { color: var(--soft); } .facts dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
details { margin-top: 1rem; } summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 1rem; font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }
@media (max-width: 800px) {
  .similarity, .query { grid-template-columns: 1fr; } .query { gap: .5rem; }
  .cards { grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)); gap: .4rem; } .verdict { display: inline; margin-left: .4rem; }
  .results th, .results td { padding: .4rem .5rem; } .results { font-size: .875rem; min-width: 30rem; }
}
@media (max-width: 600px) {
  .similarity .wide { display: none; } .similarity .narrow { display: block; }
  .results { min-width: 0; font-size: .75rem; } .results th, .results td, .results.languages thead th, .results.languages tbody tr > * { padding: .35rem .2rem; font-size: .75rem; }
  .languages .code, .languages thead th[colspan="2"] { max-width: 5rem; white-space: normal; } .languages .bars { min-width: 2rem; }
  .facts div { flex-wrap: wrap; gap: 0 1rem; } .facts dd { text-align: left; }
}`;

/** The style of a page with figures. */
export const pageStyle = COLOURS + FIGURES + PAGE;
/** The style of a standalone figure. */
export const figureStyle = COLOURS + FIGURES;
