/** Packages of icon sets as npm installs them, with a few icons that tests draw. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Drawing } from "../../src/data/iconify.ts";
import { type IconSource, type IconUse, iconPackage } from "../../src/data/iconSets.ts";

/** A set for `installFakeIcons`. */
export interface FakeSet {
  readonly name: string;
  readonly use: IconUse;
  readonly icons: Readonly<Record<string, Drawing>>;
  readonly suffixes?: Readonly<Record<string, string>>;
}

/** A pattern of its own for each number: dots on a grid of 4 × 4 with its corners, as squares or as rings. */
export function pattern(number: number, shape: "square" | "ring"): Drawing {
  const dots: string[] = [];
  for (let cell = 0; cell < 16; cell++) {
    const [x, y] = [4 * (cell % 4), 4 * Math.floor(cell / 4)];
    const isCorner = cell === 0 || cell === 15;
    if (!isCorner && ((Math.imul(number + 1, 0x9e3779b1) >>> (16 + cell)) & 1) === 0) continue;
    dots.push(
      shape === "square"
        ? `<rect x="${x}" y="${y}" width="4" height="4"/>`
        : `<circle cx="${x + 2}" cy="${y + 2}" r="1.5" fill="none" stroke="#000"/>`,
    );
  }
  return { body: dots.join("") };
}

/** Icons with these names, drawn as patterns that depend on the name's number. */
export const patterns = (names: readonly string[], shape: "square" | "ring", first = 0): FakeSet["icons"] =>
  Object.fromEntries(names.map((name, i) => [name, pattern(first + i, shape)]));

/** Two sets to train on, one to validate and one to test on. "apple" is everywhere; "pear" is tested but not trained on. */
export const FAKE_SETS: readonly FakeSet[] = [
  { name: "first", use: "train", icons: patterns(["apple", "banana", "cherry-outline", "red-apple"], "square") },
  { name: "second", use: "train", icons: patterns(["apple", "banana", "date"], "square", 20) },
  { name: "third", use: "validation", icons: patterns(["apple", "banana"], "ring", 40) },
  { name: "fourth", use: "test", icons: patterns(["apple", "cherry", "pear", "red-pear"], "ring", 60) },
];

/** Writes the packages of `sets` below `packages`; returns their sources. */
export function installFakeIcons(packages: string, sets: readonly FakeSet[] = FAKE_SETS): IconSource[] {
  return sets.map(({ name, use, icons, suffixes }) => {
    const folder = join(packages, "node_modules", iconPackage(name));
    mkdirSync(folder, { recursive: true });
    const write = (file: string, value: object): void => writeFileSync(join(folder, file), JSON.stringify(value));
    write("icons.json", { prefix: name, icons, width: 16, height: 16 });
    write("metadata.json", suffixes ? { suffixes } : {});
    write("info.json", { license: { spdx: "MIT" }, author: { name: "Somebody" } });
    write("package.json", { name: iconPackage(name), version: "1.0.0" });
    return { name, version: "1.0.0", use };
  });
}
