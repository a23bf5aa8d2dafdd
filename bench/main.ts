/**
 * `npm run bench`: speed, and comparisons. Names choose benches; `--json` prints one object per line.
 *
 *     npm run bench                            all
 *     npm run -s bench -- gemm step --json     two of them, as JSON
 *     npm run bench -- step emoji --profile    with the time of every kernel
 *     npm run bench -- step --peers DIR        compared with the libraries of peers/package.json, installed in DIR
 *     npm run bench -- loss step vit-b16 models --python PATH      compared with PyTorch, which that Python can import
 *
 * A row with a bar says whether it holds; the last line counts the rows whose bar does not hold.
 */
import "../src/engine.ts";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { kernelReport, kernelsFor } from "../src/tensor/index.ts";
import { attentionBench } from "./attention.ts";
import { elementwiseBench } from "./elementwise.ts";
import { emojiBench } from "./emoji.ts";
import { filesBench } from "./files.ts";
import { gemmBench } from "./gemm.ts";
import { imagesBench } from "./images.ts";
import { lossBench } from "./loss.ts";
import { memoryBench } from "./memory.ts";
import { modelsBench } from "./models.ts";
import { negativesBench } from "./negatives.ts";
import { optimizersBench } from "./optimizers.ts";
import { line } from "./print.ts";
import type { BenchOptions, Row } from "./row.ts";
import { rowsBench } from "./rows.ts";
import { searchBench } from "./search.ts";
import { siglitBench } from "./siglit.ts";
import { stepBench } from "./step.ts";
import { vitB16Bench } from "./vitB16.ts";

const BENCHES: Readonly<Record<string, (options: BenchOptions) => AsyncIterable<Row>>> = {
  gemm: gemmBench,
  elementwise: async function* () {
    yield* elementwiseBench();
    yield* rowsBench();
  },
  attention: attentionBench,
  optimizers: optimizersBench,
  step: stepBench,
  emoji: emojiBench,
  images: imagesBench,
  files: filesBench,
  loss: lossBench,
  negatives: negativesBench,
  memory: memoryBench,
  search: searchBench,
  siglit: siglitBench,
  "vit-b16": vitB16Bench,
  models: modelsBench,
};

const usage = `usage: npm run bench -- [${Object.keys(BENCHES).join("|")}]... [--json] [--profile] [--peers DIR] [--python PATH]`;

function parse(): { names: string[]; json: boolean } & BenchOptions {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      peers: { type: "string" },
      python: { type: "string" },
    },
  });
  const unknown = positionals.filter((name) => !(name in BENCHES));
  if (unknown.length > 0)
    throw new TypeError(`unknown bench: ${unknown.join(", ")}; choose among ${Object.keys(BENCHES).join(", ")}`);
  return { names: positionals.length > 0 ? positionals : Object.keys(BENCHES), ...values };
}

async function main(): Promise<void> {
  const { names, json, ...options } = parse();
  kernelsFor("f32"); // chooses the kernels before the report is read
  const { why, warnings } = kernelReport();
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  process.stderr.write(
    `Node ${process.versions.node}, ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, one thread; ${why}\n`,
  );
  let [asked, missed] = [0, 0];
  for (const name of names) {
    for await (const row of BENCHES[name](options)) {
      if (row.ok !== undefined) asked++;
      if (row.ok === false) missed++;
      process.stdout.write(`${json ? JSON.stringify(row) : line(row)}\n`);
    }
  }
  process.stderr.write(`${asked - missed} of ${asked} bars hold\n`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  process.stderr.write(`bench: ${error.message}\n${usage}\n`);
  process.exitCode = 2;
}
