/**
 * Models of B/16 with random weights, in the layout of Hugging Face: the time to load one beside that of reading its file, the memory of
 * a tower and of a text query, and images a second on one device and two, beside our products, onnxruntime and PyTorch.
 *
 * The weights take 2.3 GB on disk for a few minutes. Times and memory are those of processes of their own.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { launch, threadFile } from "../src/parallel/launch.ts";
import type { EmbedJob, EmbedTimes } from "./modelsDevice.ts";
import type { Task } from "./modelsProcess.ts";
import { nodePeer, pythonPeer, secondsOf } from "./peer.ts";
import { atLeast, atMost, type BenchOptions, type Row } from "./row.ts";
import { flopOfB16 } from "./vitB16.ts";

const BAR = { reading: 1 / 1.5, products: 0.9, pytorch: 1, onnxruntime: 1, queryMB: 450 };
const ROUNDS = 3;
const BATCH = 16;

const run = async (script: string, ...args: string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, [join(import.meta.dirname, script), ...args])).stdout;
const task = async (name: string, folder: string): Promise<Task> =>
  JSON.parse(await run("modelsProcess.ts", name, folder)) as Task;

async function loading(folder: string): Promise<Row> {
  const seconds = { read: Number.POSITIVE_INFINITY, load: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ["read", "load"] as const)
      seconds[name] = Math.min(seconds[name], (await task(name, folder)).seconds);
  }
  const figures = { seconds: seconds.load, readSeconds: seconds.read };
  const ratio = { reading: seconds.read / seconds.load };
  return atLeast({ bench: "models", case: "load B/16, 813 MB", ...figures, ratio }, { reading: BAR.reading });
}

async function* memory(siglip: string, siglip2: string): AsyncGenerator<Row> {
  for (const [tower, folder] of [
    ["image", siglip],
    ["text", siglip],
  ] as const) {
    yield { bench: "models", case: `memory, ${tower} tower`, ...(await task(tower, folder)), ratio: {} };
  }
  const query = await task("query", siglip2);
  yield atMost({ bench: "models", case: "memory, SigLIP 2 text", ...query, ratio: {} }, { residentMB: BAR.queryMB });
}

async function embedding(folder: string, devices: number, options: BenchOptions): Promise<Row> {
  const file = threadFile("./modelsDevice", import.meta.url);
  const job = { folder, batch: BATCH, rounds: ROUNDS };
  const times = await launch<EmbedJob, EmbedTimes>(file, devices, job).results;
  const total = (figure: keyof EmbedTimes) => times.reduce((sum, each) => sum + each[figure], 0);
  const [{ seconds }] = times;
  const computed = { embedding: total("embedding") };
  const args = [ROUNDS, BATCH, devices];
  const onnx = await nodePeer(options.peers, "onnxruntime-node", { script: "vit-b16-onnx.mjs", args });
  const torch = await pythonPeer(options.python, { script: "vit-b16.py", args });
  const theirs = {
    onnxruntime: secondsOf("vit-b16-onnx.mjs", computed, onnx),
    pytorch: secondsOf("vit-b16.py", computed, torch),
  };
  const gflops = flopOfB16(BATCH) / seconds / 1e9;
  const ratio: Record<string, number> = { products: gflops / total("productGflops") };
  for (const [name, other] of Object.entries(theirs)) if (other !== undefined) ratio[name] = other / seconds;
  const { products, pytorch, onnxruntime } = BAR;
  const name = `embed images, ${devices === 1 ? "one device" : "two devices"}`;
  const figures = { imagesPerSecond: BATCH / seconds, gflops, ...computed };
  return atLeast({ bench: "models", case: name, ...figures, ratio }, { products, pytorch, onnxruntime });
}

export async function* modelsBench(options: BenchOptions): AsyncGenerator<Row> {
  const folder = mkdtempSync(join(tmpdir(), "siglip-models-"));
  try {
    const [siglip, siglip2] = [join(folder, "siglip"), join(folder, "siglip2")];
    await run("randomModel.ts", siglip);
    yield await loading(siglip);
    for (const devices of [1, 2]) yield await embedding(siglip, devices, options);
    await run("randomModel.ts", siglip2, "hugging-face", "256000");
    yield* memory(siglip, siglip2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
