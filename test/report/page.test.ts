import { createHash } from "node:crypto";
import * as fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { figureFiles, type ReportData, ReportError, renderReport } from "../../src/report/index.ts";
import { pageScript } from "../../src/run/pageScript.ts";
import { demoReport } from "../support/reportDemo.ts";

const demo = demoReport();
/** The demo with few rows, so that it renders fast. */
const small: ReportData = { ...demo, metrics: demo.metrics.slice(0, 3), sheet: demo.sheet.slice(0, 2) };
const { calibration: _, probe: __, ...uncalibrated } = demo;
const empty: ReportData = {
  ...uncalibrated,
  metrics: [],
  times: [],
  firstBatch: [],
  evaluations: [],
  results: [],
  sample: { names: [], pictures: [], scores: [] },
  sheet: [],
};

/** Every text in the data, names of facts and versions included, replaced. */
function withTexts(data: ReportData, text: string): ReportData {
  const facts = { [text]: text };
  return {
    ...data,
    name: text,
    status: { ...data.status, text },
    warnings: [text],
    firstBatch: data.firstBatch.map(({ pictures }) => ({ pictures, tokens: [text] })),
    ...(data.probe ? { probe: { ...data.probe, title: text } } : {}),
    results: data.results.map((table) => ({
      ...table,
      title: text,
      rows: table.rows.map((row) => ({ ...row, name: text })),
    })),
    sample: { ...data.sample, names: data.sample.names.map(() => text) },
    sheet: data.sheet.map((query) => ({
      ...query,
      text,
      top: query.top.map((candidate) => ({ ...candidate, name: text })),
      expected: { ...query.expected, name: text },
    })),
    facts,
    versions: facts,
    config: facts,
  };
}

/** The tags of a document with the names of their attributes, without values and text; lines of labels are as many as they need. */
const tags = (document: string): string[] =>
  (document.match(/<[^>]*>/g) ?? [])
    .map((tag) => tag.replace(/="[^"]*"/g, ""))
    .filter((tag) => !/^<\/?tspan/.test(tag));

describe("renderReport", () => {
  it("has the same tags and attributes whatever the texts say", () => {
    const plain = tags(renderReport(withTexts(small, "x")));
    const hostile = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        `<img src=x onerror="alert(1)">`,
        `"><script>alert(1)</script>`,
        "' onmouseover='alert(1)",
        "</title></style><svg onload=alert(1)>",
        "]]>-->",
        "&lt;script&gt;",
      ),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        expect(tags(renderReport(withTexts(small, text)))).toEqual(plain);
      }),
      { numRuns: 60 },
    );
  });

  it("shows a hostile name as text", () => {
    const page = renderReport(withTexts(small, `<img src=x onerror="alert(1)">`));
    expect(page).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;");
    expect(page).not.toMatch(/<img src=x/);
  });

  it("needs nothing from outside, holds no script and forbids both", () => {
    const page = renderReport(demo);
    expect(page).toContain("default-src 'none'; img-src data:; style-src 'unsafe-inline'");
    expect(page).not.toMatch(/<script|<link|@import|url\(|https?:/i);
    for (const [, source] of page.matchAll(/(?:src|href)="([^"]*)"/g))
      expect(source).toMatch(/^data:image\/png;base64,/);
  });

  it("allows one script, its own, by its hash, and cannot be ended by it", () => {
    const script = pageScript();
    const page = renderReport(small, script);
    expect(page).toContain(`script-src 'sha256-${script.sha256}'`);
    const [, text] = /<script type="module">(.*?)<\/script>/s.exec(page) ?? [];
    expect(text).toBe(script.text);
    expect(createHash("sha256").update(text).digest("base64")).toBe(script.sha256);
    expect(page.match(/<script/g)).toHaveLength(2); // and the data block, which browsers do not run
  });

  it("renews itself while the training runs, by its script or without any", () => {
    const running = { ...small, status: { isRunning: true, text: "Running: step 3 of 9." } };
    const refresh = '<meta http-equiv="refresh" content="10">';
    expect(renderReport(running, pageScript())).toContain(`<noscript>${refresh}</noscript>`);
    expect(renderReport(running)).toContain(`\n${refresh}\n`);
    expect(renderReport(running)).toMatch(/data-renew="10".*Running: step 3 of 9\..*Loss now.*So far: after step/s);
    expect(renderReport(small, pageScript())).not.toMatch(/data-renew=|http-equiv="refresh"/);
  });

  it("shows the first batch with its tokens, and each view of a picture", () => {
    const [{ pictures }] = demo.firstBatch;
    const page = renderReport({
      ...empty,
      firstBatch: [{ pictures: [...pictures, ...pictures], tokens: ["a", " b"] }],
    });
    expect(page).toContain('<p class="tokens"><span>a</span><span> b</span></p>');
    expect(page.match(/<img /g)).toHaveLength(2);
  });

  it("lists warnings", () => {
    expect(renderReport({ ...empty, warnings: ["step 300: growing bias"] })).toContain(
      "<li>step 300: growing bias</li>",
    );
  });

  it("tells apart the labels of texts that begin alike", () => {
    const { pictures, scores } = demo.sample;
    const names = Array.from(
      { length: 16 },
      (_, i) => `a small red circle to the left of a very large blue square ${i}`,
    );
    const labels = [
      ...renderReport({ ...empty, sample: { names, pictures, scores } }).matchAll(/(?:<tspan [^>]*>[^<]*<\/tspan>)+/g),
    ];
    expect(new Set(labels.slice(0, 16).map(([label]) => label.replace(/<[^>]*>/g, ""))).size).toBe(16);
  });

  it("shows results beside chance, each to a tenth of a percent and smaller ones to a hundredth", () => {
    const page = renderReport(demo);
    expect(page).toContain('<td class="first">22.6 %</td>');
    expect(page).toContain('<td class="first">0.06 %</td>');
  });

  it("leaves out the direction that a row does not define", () => {
    const [table] = demo.results;
    const row = {
      name: "by pixels",
      recall: [{ k: 1, textToImage: 0.111, imageToText: 0.75 }],
      only: "imageToText" as const,
    };
    const page = renderReport({ ...demo, results: [{ ...table, rows: [row] }] });
    expect(page).toContain('<bdi>by pixels</bdi></th><td class="first">–</td><td class="first">75.0 %</td>');
  });

  it("ticks the right picture, and shows it behind the others with its rank where it is not among them", () => {
    const [query] = demo.sheet;
    const others = query.top.map((candidate) => ({ ...candidate, right: false }));
    const missed = { ...query, top: others, rank: 1234 };
    const hit = renderReport({ ...empty, sheet: [{ ...query, rank: 1 }] });
    expect(hit.match(/card right/g)).toHaveLength(1);
    expect(hit).not.toContain("card missed");
    const page = renderReport({ ...empty, sheet: [missed] });
    expect(page).not.toContain("card right");
    expect(page.match(/<li class="card/g)).toHaveLength(6);
    expect(page).toContain("right one at 1,234");
  });

  it("gives the probability of a pair, and its similarity alone after a loss that gives none", () => {
    const [query] = demo.sheet;
    const top = [{ ...query.top[0], score: 0.2 }];
    const page = renderReport({ ...empty, probability: (score) => 1.345 * score, sheet: [{ ...query, top }] });
    expect(page).toContain("26.9 %");
    const { probability: _, ...silent } = empty;
    const comparing = renderReport({ ...silent, sheet: [{ ...query, top }] });
    expect(comparing).toContain("x·y = 0.200");
    expect(comparing).not.toContain("26.9 %");
  });

  it("draws a dot per bin of the calibration, and the diagonal on which a model is right", () => {
    const bin = { low: 0.2, high: 0.3, pairs: 1234, predicted: 0.25, observed: 0.75 };
    const page = renderReport({ ...empty, batch: 128, calibration: { bins: [bin], ece: 0.004, perMatch: 0.5 } });
    expect(page).toContain('<path class="reference" d="M48 200 368 50"/>'); // from corner to corner of the plot
    expect(page).toContain('cx="128" cy="87.5"');
    expect(page).toContain("predicted 25.0 %, 75.0 % match; 1,234 pairs");
    expect(page).toContain("error 0.50 per match");
    expect(page).toContain("127 others");
    expect(renderReport(empty)).not.toContain("Calibration");
  });

  it("shows the accuracy of the few-shot probe by the number of shots, beside chance", () => {
    const model = [1, 25].map((shots) => ({ shots, accuracy: { mean: 0.03 * shots, seeds: [0, 0, 0, 0] } }));
    const probe = { title: "kind of a thing", classes: ["a", "b"], images: 1234, model };
    const page = renderReport({ ...empty, probe });
    expect(page).toContain("<bdi>kind of a thing</bdi>: 2 classes, 1,234 pictures");
    expect(page).toContain('<th scope="col" class="first">1</th><th scope="col" class="">25</th>');
    expect(page).toContain('image tower</th><td class="first">3.0 %</td><td class="">75.0 %</td>');
    expect(page).toContain('chance</th><td class="first">50.0 %</td><td class="">50.0 %</td>');
    expect(page).toContain("mean of 4 draws");
    expect(renderReport(empty)).not.toContain("Few-shot probe");
  });

  it("names the loss of the last step, as the terminal does, and says what is smoothed", () => {
    const metrics = [1, 20, 40].map((step) => ({ step, loss: step === 40 ? 1.234 : 6, t: 10 }));
    const page = renderReport({ ...empty, metrics });
    expect(page).toMatch(/Loss at the end<\/dt><dd class="big">1\.234</);
    expect(page).toMatch(/>\d\.\d+ smoothed</);
    expect(page).not.toContain("every step");
  });

  it("names the curve that is left where another was not measured", () => {
    const metrics = [1, 2].map((step) => ({ step, loss: 6, t: 10, "embeddingNorm.text": 4 }));
    const page = renderReport({ ...empty, metrics });
    expect(page).toContain('<text class="title" x="0" y="16">Length of embeddings</text>');
    expect(page).toContain(">texts 4</text>");
    expect(page).not.toContain(">pictures ");
  });

  it("draws the share of clipped steps", () => {
    const metrics = [0, 0.5, 1].map((clipped, i) => ({ step: i + 1, loss: 6, t: 10, clipped }));
    const page = renderReport({ ...empty, metrics });
    expect(page).toContain("Clipped steps, in %");
    expect(page).toMatch(/>\d+ % smoothed</);
  });

  it("shades the logits of positives and of negatives from the least to the greatest, if they were measured", () => {
    const row = (step: number) => ({ ...{ step, loss: 6, t: 10 }, "positives.min": 1, "positives.mean": 2, "positives.max": 5, "negatives.mean": -5 }); // biome-ignore format: a row
    const page = renderReport({ ...empty, metrics: [row(1), row(2)] });
    expect(page.match(/class="band s0"/g)).toHaveLength(1);
    expect(page).not.toContain('class="band s1"');
    expect(page).toMatch(/positives 2\.0<.*negatives −5\.0</s);
    expect(renderReport({ ...empty, metrics: [{ step: 1, loss: 6, t: 10 }] })).not.toMatch(
      /Logits|embeddings are scaled/,
    );
  });

  it("leaves out what was not measured", () => {
    const page = renderReport(empty);
    expect(page).toContain("The run");
    expect(page).not.toMatch(/<svg|<table|Training|Retrieval<\/h2>|NaN|undefined/);
    const few = renderReport({ ...demo, metrics: demo.metrics.map(({ step, loss, t = 10 }) => ({ step, loss, t })) });
    expect(few).not.toContain("Gradient norm");
    expect(few).toContain("Temperature t");
  });

  it("survives a run whose numbers are not finite", () => {
    const metrics = demo.metrics.slice(0, 50).map((row) => ({ ...row, loss: Number.NaN, t: Number.POSITIVE_INFINITY }));
    expect(renderReport({ ...demo, metrics })).not.toMatch(/="[^"]*NaN|="[^"]*Infinity/);
  });

  it("refuses rows of results with different k and a sample that is not square", () => {
    const [table] = demo.results;
    const rows = [table.rows[0], { name: "short", recall: table.rows[1].recall.slice(1) }];
    expect(() => renderReport({ ...demo, results: [{ ...table, rows }] })).toThrow(ReportError);
    const sample = { ...demo.sample, scores: [1] };
    expect(() => renderReport({ ...demo, sample })).toThrow(
      "16 names, 16 pictures and 1 scores; expected 16, 16 and 256",
    );
  });
});

describe("figureFiles", () => {
  const files = figureFiles(withTexts(demo, `<b>&"x\u0000\ud800`));

  it("has one file per figure", () => {
    expect([...files.keys()]).toEqual([
      "loss.svg",
      "recall.svg",
      "train-test.svg",
      "temperature.svg",
      "bias.svg",
      "learning-rate.svg",
      "gradient-norm.svg",
      "clipped.svg",
      "update-norm.svg",
      "logits.svg",
      "embedding-norms.svg",
      "speed.svg",
      "calibration.svg",
      "similarity.svg",
    ]);
  });

  it.each([...files])("writes %s as SVG that a strict XML parser accepts", async (_, svg) => {
    const { format, width, height } = await sharp(Buffer.from(svg)).metadata();
    expect(format).toBe("svg");
    expect(width).toBeGreaterThan(300);
    expect(height).toBeGreaterThan(200);
  });

  it("draws a cell per pair, and a ring where another picture is best", () => {
    const scores = [1, 0, 0, 0, 0.2, 0.9, 0, 0.1, 0.5];
    const { pictures, names } = demo.sample;
    const sample = { names: names.slice(0, 3), pictures: pictures.slice(0, 3), scores };
    const svg = figureFiles({ ...demo, sample }).get("similarity.svg") ?? "";
    expect(svg.match(/, probability /g)).toHaveLength(9);
    expect(svg.match(/class="ring"/g)).toHaveLength(1);
  });
});
