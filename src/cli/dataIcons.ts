/** `siglip data icons`: installs the icon sets into the user's cache, renders them once, and prints what was found. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataError, ICON_SOURCES, type IconIndex, iconPackage, prepareIcons } from "../data/index.ts";
import { iconsFolder } from "../run/index.ts";
import { cacheFolder } from "./cacheFolder.ts";
import { startWaiting } from "./elapsed.ts";
import { commandLine } from "./invocation.ts";
import { print } from "./print.ts";
import { showRendering } from "./renderProgress.ts";

/** Lines of npm's output in a message. */
const SHOWN = 3;

export async function dataIcons({ json = false }: { json?: boolean }): Promise<void> {
  const folder = iconsFolder(cacheFolder());
  if (folder === undefined)
    throw new DataError("icons: there is no cache folder to write to; name one in SIGLIP_CACHE");
  const packages = join(folder, "packages");
  mkdirSync(packages, { recursive: true });
  await install(packages);
  const progress = showRendering();
  const index = await prepareIcons({ sources: ICON_SOURCES, packages, folder, progress });
  writeFileSync(join(folder, "LICENCES.txt"), licences(index));
  if (json) print(JSON.stringify(summaryOf(index)));
  else print(table(index, folder));
}

/** Installs the sets at their pinned versions, if they are not there. Throws `DataError` if npm fails. */
async function install(packages: string): Promise<void> {
  const dependencies = Object.fromEntries(ICON_SOURCES.map(({ name, version }) => [iconPackage(name), version]));
  if (Object.entries(dependencies).every(([name, version]) => installedVersion(packages, name) === version)) return;
  process.stderr.write(`installing ${ICON_SOURCES.length} icon sets with npm, about 100 MB\n`);
  writeFileSync(join(packages, "package.json"), JSON.stringify({ private: true, dependencies }));
  const options = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"];
  const stop = startWaiting("installing");
  try {
    await npm(options, packages);
  } finally {
    stop();
  }
}

function installedVersion(packages: string, name: string): unknown {
  const file = join(packages, "node_modules", name, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version : undefined;
}

const npm = (options: readonly string[], cwd: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(
        new DataError(`icons: npm install in ${cwd} failed: ${why}; check the network and run this command again`),
      );
    // On Windows npm is a script, which needs a shell.
    const child = spawn("npm", options, {
      cwd,
      stdio: ["ignore", "ignore", "pipe"],
      shell: process.platform === "win32",
    });
    let output = "";
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    child.on("error", (error) => fail(error.message));
    child.on("close", (code) => (code === 0 ? resolve() : fail(output.trim().split("\n").slice(0, SHOWN).join("; "))));
  });

/** The sets with their licences, for the file beside the pictures. */
const licences = ({ sets }: IconIndex): string =>
  `Pictures in this folder are rendered from these packages, each under its own licence:\n\n${sets
    .map(({ name, version, licence, author }) => `${iconPackage(name)} ${version}  ${licence}  ${author}\n`)
    .join("")}`;

function summaryOf({ sets, duplicates }: IconIndex) {
  const uses = (["train", "validation", "test"] as const).map((use) => {
    const own = sets.filter((set) => set.use === use);
    const names = new Set(own.flatMap((set) => set.rows.map((row) => set.names[row])));
    return { use, sets: own.length, icons: own.reduce((sum, { rows }) => sum + rows.length, 0), names: names.size };
  });
  return { uses, duplicates };
}

function table(index: IconIndex, folder: string): string {
  const { uses, duplicates } = summaryOf(index);
  const percent = (part: number, all: number): string => `${((100 * part) / all).toFixed(1)} %`;
  return [
    ...uses.map(({ use, sets, icons, names }) => `${use.padEnd(12)}${sets} sets, ${icons} icons, ${names} names`),
    ...duplicates.map(
      ({ set, icons, leaked, sameName, repeated, left, leakedAfter }) =>
        `${set}: ${leaked} of ${icons} icons (${percent(leaked, icons)}) look like one that training or validation shows, ${sameName} of them with its name; left out, with ${repeated} that repeat within the set; ${left} stay, ${leakedAfter} of them look like one`,
    ),
    `prepared in ${folder}; train with: ${commandLine(["train", "--preset", "icons"])}`,
  ].join("\n");
}
