/**
 * An invented run for the report: shapes as pictures, curves that resemble training. None of its numbers was measured.
 *
 * `node test/support/reportDemo.ts out.html` writes the page.
 */
import { writeFileSync } from "node:fs";
import { type Candidate, type Picture, type ReportData, renderReport } from "../../src/report/index.ts";
import { pageScript } from "../../src/run/pageScript.ts";
import { trainingLosses } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";

const SIDE = 32;
const COLOURS: Record<string, readonly [number, number, number]> = {
  red: [214, 48, 49],
  orange: [230, 126, 34],
  yellow: [244, 200, 60],
  green: [39, 154, 90],
  blue: [41, 98, 214],
  purple: [135, 72, 190],
  black: [45, 48, 54],
};
/** Inside of a shape, in coordinates −1..1. */
const SHAPES: Record<string, (x: number, y: number) => boolean> = {
  circle: (x, y) => x * x + y * y < 0.7,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.72,
  triangle: (x, y) => y < 0.7 && y > 2 * Math.abs(x) - 0.8,
  ring: (x, y) => x * x + y * y < 0.75 && x * x + y * y > 0.3,
  cross: (x, y) => Math.min(Math.abs(x), Math.abs(y)) < 0.24 && Math.max(Math.abs(x), Math.abs(y)) < 0.8,
};

function draw(colour: readonly number[], inside: (x: number, y: number) => boolean): Picture {
  const rgb = new Uint8Array(SIDE * SIDE * 3).fill(255);
  const at = (i: number) => (2 * (i + 0.5)) / SIDE - 1;
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) if (inside(at(x), at(y))) rgb.set(colour, (y * SIDE + x) * 3);
  }
  return { side: SIDE, rgb };
}

export function demoReport(): ReportData {
  const rng = new Rng(7);
  const items = Object.entries(COLOURS).flatMap(([colour, rgb], c) =>
    Object.entries(SHAPES).map(([shape, inside], s) => ({
      name: `${colour} ${shape}`,
      c,
      s,
      picture: draw(rgb, inside),
    })),
  );
  const alike = (a: (typeof items)[number], b: (typeof items)[number]) =>
    0.02 + 0.17 * Number(a.c === b.c) + 0.14 * Number(a.s === b.s) + (a === b ? 0.06 : 0) + 0.09 * rng.normal();
  const t = 43.1;
  const b = -8.37;

  const steps = 4677;
  const health = rng.split("health");
  const metrics = Array.from({ length: steps }, (_, i) => {
    const progress = i / steps;
    const learned = 1 / (1 + Math.exp(-9 * (progress - 0.14))) + 0.25 * progress;
    const warm = Math.min(1, progress / 0.1);
    const learningRate = 0.002 * warm * 0.5 * (1 + Math.cos(Math.PI * Math.max(0, (progress - 0.1) / 0.9)));
    const [positive, negative] = [
      -4.8 + 12 * learned + 0.3 * health.normal(),
      -5 - 6 * learned + 0.05 * health.normal(),
    ];
    return {
      step: i + 1,
      loss:
        5.85 +
        4 * Math.exp(-i / 25) -
        4.3 * learned * (1 / 1.25) * (1 - Math.exp(-i / 300)) +
        0.22 * rng.normal() * (0.3 + learned),
      t: 10 + 33 * (1 - Math.exp(-3 * progress)) ** 1.5,
      b: -4.85 - 3.5 * progress ** 0.6,
      gradNorm: Math.exp(0.3 * rng.normal() + 0.9 - 0.6 * progress) * (rng.uniform() < 0.003 ? 6 : 1),
      learningRate,
      clipped: Number(progress < 0.6),
      gflop: 2 * (i + 1),
      "updateNorm.image": 40 * learningRate * Math.exp(0.1 * health.normal()),
      "updateNorm.text": 30 * learningRate * Math.exp(0.1 * health.normal()),
      "positives.min": positive - 3 - 6 * learned - health.uniform(),
      "positives.mean": positive,
      "positives.max": positive + 3 + 5 * learned + health.uniform(),
      "negatives.min": negative - 4 - 5 * learned - health.uniform(),
      "negatives.mean": negative,
      "negatives.max": negative + 5 + 7 * learned + 2 * health.uniform(),
      "embeddingNorm.image": 2 + 9 * Math.sqrt(progress) + 0.1 * health.normal(),
      "embeddingNorm.text": 1.2 + 4 * Math.sqrt(progress) + 0.05 * health.normal(),
    };
  });
  const recallAt = (one: number) => [
    { k: 1, textToImage: one, imageToText: one * 0.96 },
    { k: 5, textToImage: one * 1.93, imageToText: one * 1.9 },
    { k: 10, textToImage: one * 2.3, imageToText: one * 2.26 },
  ];
  const evaluations = Array.from({ length: 13 }, (_, i) => ({
    step: Math.max(1, Math.round((i * steps) / 12)),
    recall: recallAt(0.0006 + 0.225 * (1 - Math.exp(-2.2 * (i / 12))) ** 1.6 + 0.004 * rng.uniform()),
    sample: { train: 0.95 * (1 - Math.exp(-i / 2)), test: 0.5 * (1 - Math.exp(-i / 2)) },
  }));
  const times = Array.from({ length: 200 }, (_, i) => ({
    step: Math.ceil((steps * (i + 1)) / 200),
    seconds: 3.6 * i + health.uniform(),
    isFirst: i === 0,
  }));

  const picked = Array.from(rng.permutation(items.length).subarray(0, 16), (i) => items[i]).sort((x, y) => x.c - y.c);
  const sheet = Array.from(rng.permutation(items.length).subarray(0, 10), (i) => {
    const query = items[i];
    const ranked = items
      .map(
        (item): Candidate => ({
          name: item.name,
          picture: item.picture,
          score: alike(query, item),
          right: item === query,
        }),
      )
      .sort((x, y) => y.score - x.score);
    const rank = ranked.findIndex((candidate) => candidate.right) + 1;
    return { text: query.name, top: ranked.slice(0, 5), expected: ranked[rank - 1], rank };
  });
  return {
    name: "a made-up run",
    status: { isRunning: false, text: "Finished: 4,677 steps." },
    warnings: [],
    step: steps,
    usesBias: true,
    times,
    firstBatch: picked.slice(0, 3).map(({ name, picture }) => ({ pictures: [picture], tokens: name.split(/(?= )/) })),
    lead: "Two towers, trained to agree.",
    lossSummary: trainingLosses.sigmoid.summary,
    blindLoss: trainingLosses.sigmoid.blindLoss(128),
    batch: 128,
    clipNorm: 1,
    metrics,
    evaluations,
    results: [
      {
        title: "a drawing style never seen",
        images: 1594,
        texts: 1594,
        rows: [
          { name: "model", recall: recallAt(0.226) },
          { name: "nearest neighbour on trimmed pixels", recall: recallAt(0.171) },
          { name: "chance", recall: [1, 5, 10].map((k) => ({ k, textToImage: k / 1594, imageToText: k / 1594 })) },
        ],
      },
    ],
    calibration: {
      bins: [0.004, 0.14, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.84, 0.94].map((predicted, i) => ({
        low: i / 10,
        high: (i + 1) / 10,
        pairs: Math.round(2.5e6 / 4 ** i),
        predicted,
        observed: predicted ** 1.3,
      })),
      ece: 0.0029,
      perMatch: 0.37,
    },
    probe: {
      title: "shape of a thing",
      classes: Object.keys(SHAPES),
      images: 1594,
      model: [1, 5, 10, 25].map((shots) => {
        const mean = 1 - 0.7 * shots ** -0.4;
        return { shots, accuracy: { mean, seeds: [mean - 0.02, mean, mean + 0.02] } };
      }),
    },
    sample: {
      names: picked.map((item) => item.name),
      pictures: picked.map((item) => item.picture),
      scores: Float32Array.from(picked.flatMap((text) => picked.map((image) => alike(text, image)))),
    },
    t,
    b,
    probability: (score) => 1 / (1 + Math.exp(-(t * score + b))),
    sheet,
    facts: {
      parameters: "333,826",
      duration: "12 min 04 s",
      speed: "827 pairs/s",
      devices: "2 threads",
      seed: "0",
      finished: "2026-01-02 03:04 UTC",
    },
    config: {
      preset: "shapes",
      image: { width: 64, depth: 3, patchSize: 8 },
      text: { width: 64, depth: 1 },
      batch: 128,
    },
    versions: { "siglip-ts": "0.1.0", node: "v26.10.0", v8: "14.2", platform: "linux x64" },
  };
}

if (process.argv[1]?.endsWith("reportDemo.ts") && process.argv[2])
  writeFileSync(process.argv[2], renderReport(demoReport(), pageScript()));
