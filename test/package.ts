/**
 * The package as a user gets it: packed, installed into an empty folder without any optional package, and used. Its types
 * are compiled with the oldest TypeScript that the README names and with this repository's, and every file of them is checked.
 *
 *     node test/package.ts        (npm run test:package)
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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

/** The least that the README promises. */
const OLDEST_TYPESCRIPT = "5.4";

/** Compiles without `skipLibCheck`, so that an error in the package's own types shows; throws with the errors. */
function compile(compiler: string, ...files: string[]): void {
  const options = ["--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022", "--strict"];
  try {
    run(folder, process.execPath, compiler, ...options, ...files);
  } catch (error) {
    throw new Error(`package: its types do not compile\n${(error as { stdout?: string }).stdout}`, { cause: error });
  }
}

/** Links of a packed document to files that are not packed. */
function deadLinks(packed: string, document: string): string[] {
  const links = readFileSync(join(packed, document), "utf8").matchAll(/\]\(([^)#\s]+)/g);
  return [...links]
    .map(([, target]) => target)
    .filter((target) => !/^https?:/.test(target) && !existsSync(join(packed, dirname(document), target)))
    .map((target) => `${document}: ${target}`);
}

const pack = (): Buffer => {
  const [{ filename }] = JSON.parse(run(root, "npm", "pack", "--json", "--silent", "--pack-destination", folder));
  return readFileSync(join(folder, filename));
};

try {
  const [first, second] = [pack(), pack()];
  expect("two packs have the same bytes", first.equals(second));
  writeFileSync(join(folder, "package.tgz"), first);
  writeFileSync(join(folder, "package.json"), '{ "name": "user", "private": true, "type": "module" }\n');
  run(folder, "npm", "install", "--silent", "./package.tgz", `typescript@${OLDEST_TYPESCRIPT}`);

  const packed = join(folder, "node_modules", "siglip-ts");
  const documents = ["README.md", ...readdirSync(join(packed, "docs")).map((name) => join("docs", name))];
  const dead = documents.filter((name) => name.endsWith(".md")).flatMap((name) => deadLinks(packed, name));
  expect(`its documents link to nothing that is not packed${dead.join(", ")}`, dead.length === 0);

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
  const { exports } = JSON.parse(readFileSync(join(packed, "package.json"), "utf8")) as { exports: object };
  const entries = Object.keys(exports).map((entry) => `siglip-ts${entry.slice(1)}`);
  const imports = (names: readonly string[]): string =>
    names.map((name, i) => `import * as entry${i} from "${name}";\nvoid entry${i};\n`).join("");
  const forThreads = "siglip-ts/parallel/launch";
  writeFileSync(join(folder, "entries.ts"), imports(entries.filter((entry) => entry !== forThreads)));
  writeFileSync(join(folder, "threads.ts"), imports([forThreads]));

  const compilers = [
    join(folder, "node_modules", "typescript", "bin", "tsc"),
    join(root, "node_modules", "typescript", "bin", "tsc"),
  ];
  for (const compiler of compilers) {
    compile(compiler, "use.ts", "entries.ts");
    const version = run(folder, process.execPath, compiler, "--version").trim();
    expect(`all of its types compile with ${version}, without sharp and @types/node`, true);
  }
  run(folder, "npm", "install", "--silent", "--no-save", "@types/node@20", `typescript@${OLDEST_TYPESCRIPT}`);
  const examples = readdirSync(join(root, "examples"));
  for (const name of examples) cpSync(join(root, "examples", name), join(folder, name));
  for (const compiler of compilers) compile(compiler, "--types", "node", "threads.ts", ...examples);
  expect(`with @types/node those of ${forThreads} and the examples do too`, true);
  expect("the first example trains", /step 200 {2}loss [23]\./.test(run(folder, "node", "first.js")));
  expect("its loss is right", run(folder, "node", "use.js").trim() === "0.6933");

  const train = ["siglip", "train", "--preset", "shapes", "--set", "train.steps=2", "--out", "run"];
  const { seconds, files } = JSON.parse(run(folder, "npx", ...train, "--dry-run", "--json"));
  expect("a dry run estimates its time and names its files", seconds > 0 && files.includes("run/config.json"));
  expect("siglip train --preset shapes runs", run(folder, "npx", ...train).includes("R@10"));
  expect("siglip runs lists it", /^run +done +2 /m.test(run(folder, "npx", "siglip", "runs", "run")));
} finally {
  rmSync(folder, { recursive: true });
}
