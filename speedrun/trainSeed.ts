/** Trains one seed of a record with `siglip train` on two devices, in a child process, and evaluates it with `siglip eval`. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readMetrics } from "../src/run/index.ts";
import { type RecordFile, type SeedResult, settingsOf } from "./record.ts";

const SIGLIP = fileURLToPath(new URL("../src/cli/start.mjs", import.meta.url));
const DEVICES = 2;

/** Runs `siglip ...args` and returns its stdout; progress goes to the terminal. */
function siglip(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [SIGLIP, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`speedrun: siglip ${args[0]} ended with ${code}`));
    });
  });
}

/** A trained seed. */
export interface TrainedSeed extends SeedResult {
  /** What `siglip train` printed at its end, without the path of its report. */
  readonly printed: string;
}

/** Trains and evaluates one seed; the run folder is temporary. */
export async function trainSeed(record: RecordFile, seed: number): Promise<TrainedSeed> {
  const folder = mkdtempSync(join(tmpdir(), "siglip-speedrun-"));
  try {
    const run = join(folder, "run");
    // An evaluation during training would only take time.
    const settings = [...settingsOf(record), `train.seed=${seed}`, "eval.every=1000000000"];
    const options = ["--preset", record.preset, "--devices", `${DEVICES}`, "--out", run];
    const started = performance.now();
    const printed = await siglip("train", ...options, ...settings.flatMap((setting) => ["--set", setting]));
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    const { textToImage } = JSON.parse(await siglip("eval", run, "--json", "--devices", `${DEVICES}`));
    const last = readMetrics(run).rows.findLast(({ gflop }) => gflop !== undefined);
    return {
      seed,
      recall: textToImage.r1,
      gflop: Number(last?.gflop),
      seconds,
      printed: printed.replace(/^report: .*\n/m, ""),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
