/**
 * `npm run test:kills [kills] [seed]`: kills `siglip index` at random moments, 100 by default. Afterwards the index must open without
 * a warning, hold the right embedding of every picture in it, and have lost none; once complete, it equals one made without a kill.
 */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { saveModel } from "../src/models/index.ts";
import { findIndex, openIndex } from "../src/photos/index.ts";
import { SigLip } from "../src/siglip/index.ts";
import { Rng } from "../src/tensor/index.ts";
import { byteTokenizer } from "../src/tokenizers/index.ts";
import { siglip } from "./support/cli.ts";
import { TINY } from "./support/tinyModel.ts";

const PICTURES = 2500; // ten batches
const kills = Number(process.argv[2] ?? 100);
const rng = new Rng(Number(process.argv[3] ?? 1));
const folder = mkdtempSync(join(tmpdir(), "siglip-kills-"));
const [model, pictures] = ["model", "pictures"].map((name) => join(folder, name));

/** Embeddings by file, as text; fails on a warning. */
function contents(index: string): Map<string, string> {
  const fail = (message: string): never => {
    throw new Error(message);
  };
  const opened = openIndex(index, fail);
  const byFile = new Map(opened.photos.map(({ file }, i) => [file, opened.embedding(i).join()]));
  opened.close();
  return byFile;
}

function prepare(): void {
  const config = { ...TINY, text: { ...TINY.text, vocabSize: byteTokenizer.vocabSize } };
  saveModel(new SigLip(new Rng(0), config), model, "siglip-ts", { tokenizer: byteTokenizer });
  mkdirSync(pictures);
  for (let i = 0; i < PICTURES; i++) {
    const data = Uint8Array.from({ length: 48 }, () => rng.integer(256));
    const file = join(pictures, `${i}.png`);
    writeFileSync(file, encode({ width: 4, height: 4, channels: 3, depth: 8, data }));
    utimesSync(file, new Date(2020, 1, 1), new Date(2020, 1, 1));
  }
}

async function main(): Promise<void> {
  prepare();
  const whole = join(folder, "whole");
  const start = performance.now();
  const { code, stderr } = await siglip(["index", pictures, "--model", model, "--out", whole]);
  if (code !== 0) throw new Error(stderr);
  const took = performance.now() - start;
  const truth = contents(whole);
  const index = join(folder, "killed");
  let [before, killed, completed] = [0, 0, 0];
  while (killed < kills) {
    const moment = rng.between(0, 0.8 * took);
    const finished = await siglip(["index", pictures, "--model", model, "--out", index], (child) => {
      setTimeout(() => child.kill("SIGKILL"), moment);
    });
    const found = findIndex(index) === undefined ? new Map<string, string>() : contents(index);
    for (const [file, embedding] of found) {
      if (truth.get(file) !== embedding) throw new Error(`${file} has another embedding after a kill at ${moment} ms`);
    }
    if (found.size < before) throw new Error(`${before} pictures became ${found.size} after a kill at ${moment} ms`);
    before = found.size;
    if (finished.code === null) killed++;
    else if (finished.code !== 0) throw new Error(finished.stderr);
    if (found.size < PICTURES) continue;
    completed++;
    before = 0;
    rmSync(index, { recursive: true });
  }
  console.log(`${killed} kills, ${completed} indexes of ${PICTURES} pictures completed, nothing damaged or lost`);
}

try {
  await main();
} finally {
  rmSync(folder, { recursive: true });
}
