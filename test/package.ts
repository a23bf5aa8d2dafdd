/**
 * The package as a stranger gets it: packed, installed into an empty folder without any optional package, and used.
 *
 *     node test/package.ts        (npm run test:package)
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "siglip-package-"));

function run(cwd: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

function expect(what: string, holds: boolean): void {
  if (!holds) throw new Error(`package: ${what}`);
  process.stdout.write(`ok  ${what}\n`);
}

try {
  const [{ filename }] = JSON.parse(run(root, "npm", "pack", "--json", "--silent", "--pack-destination", folder));
  writeFileSync(join(folder, "package.json"), '{ "name": "stranger", "private": true, "type": "module" }\n');
  run(folder, "npm", "install", "--silent", join(folder, filename));

  const info = JSON.parse(run(folder, "npx", "siglip", "info", "--json"));
  expect(`siglip info runs on Node ${info.node}, ${info.gflops.gemm512} GFLOP/s`, info.gflops.gemm512 > 0);

  writeFileSync(
    join(folder, "use.ts"),
    `import { sigmoidLoss } from "siglip-ts/siglip";
import { autograd, tensor } from "siglip-ts";
const z = autograd.parameter(tensor.eye(4));
const scalar = (x: number) => autograd.parameter(tensor.scalar(x));
const loss: number = sigmoidLoss(z, z, scalar(Math.log(10)), scalar(-10)).value.item();
console.log(loss.toFixed(4));
`,
  );
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  run(
    folder,
    process.execPath,
    compiler,
    "--module",
    "nodenext",
    "--target",
    "es2023",
    "--strict",
    "--skipLibCheck",
    "use.ts",
  );
  expect("its types compile and its loss is right", run(folder, "node", "use.js").trim() === "0.6933");

  const train = ["siglip", "train", "--preset", "shapes", "--set", "train.steps=2", "--out", "run"];
  expect("siglip train --preset shapes runs", run(folder, "npx", ...train).includes("R@10"));
} finally {
  rmSync(folder, { recursive: true });
}
