/**
 * `npm run test:engines -- /path/to/node22 /path/to/node24 ...`: strict kernels give the same bits on this Node and on those.
 *
 * On each: fifty steps of a small model with either loss, without and with the engine flags, the same with other optimizers, and
 * fifty steps of `siglip train` on two devices. Prints a line a run; exits with 1 if two engines disagree. Each Node is started as
 * a process of its own.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CheckpointFolder, sha256 } from "../src/run/checkpoint.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "siglip-engines-"));
const STEPS = 50;

function run(node: string, args: readonly string[]): string {
  return execFileSync(node, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}

/** SHA-256 of all tensors that `siglip train` saves: weights and moments. */
function trainedBy(node: string, loader: readonly string[], preset: string): string {
  const out = mkdtempSync(join(folder, "run-"));
  const settings = [`train.steps=${STEPS}`, "train.batch=32"].flatMap((setting) => ["--set", setting]);
  const args = ["train", "--preset", preset, "--kernels", "strict", "--devices", "2", ...settings, "--out", out];
  run(node, [...loader, "src/cli/main.ts", ...args]);
  const saved = new CheckpointFolder(join(out, "checkpoint"), { keep: 2 }).load();
  if (saved?.step !== STEPS) throw new Error(`engines: ${node} saved step ${saved?.step}, not ${STEPS}`);
  const hashes = [...saved.tensors].map(([name, { data }]) => {
    return `${name} ${sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}`;
  });
  return sha256(hashes.join("\n"));
}

/** Every run, and the hash that the first engine ended it with. */
const hashes = new Map<string, string>();
let disagree = 0;
function compare(version: string, what: string, hash: string): void {
  const same = (hashes.get(what) ?? hash) === hash;
  hashes.set(what, hashes.get(what) ?? hash);
  if (!same) disagree++;
  console.log(`${version.padEnd(10)} ${what.padEnd(28)} ${hash.slice(0, 16)} ${same ? "" : "DIFFERS"}`);
}

try {
  for (const node of [process.execPath, ...process.argv.slice(2)]) {
    const version = run(node, ["--version"]);
    const stripsTypes = run(node, ["-p", "Boolean(process.features.typescript)"]) === "true";
    const loader = stripsTypes ? [] : ["--import", "tsx"];
    for (const loss of ["sigmoid", "softmax"]) {
      for (const flags of [[], ["flags"]]) {
        const hash = run(node, [...loader, "test/support/strictTraining.ts", loss, ...flags]);
        compare(version, `small model, ${loss}`, hash);
      }
    }
    for (const optimizer of ["adafactor", "muon"]) {
      const hash = run(node, [...loader, "test/support/strictTraining.ts", optimizer]);
      compare(version, `small model, ${optimizer}`, hash);
    }
    for (const preset of ["shapes", "emoji"])
      compare(version, `siglip train ${preset}`, trainedBy(node, loader, preset));
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(disagree === 0 ? "the same bits everywhere" : `${disagree} runs differ from the first engine's`);
process.exitCode = disagree === 0 ? 0 : 1;
