import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { openIcons } from "../../src/data/iconFiles.ts";
import { prepareIcons } from "../../src/data/iconPrepare.ts";
import { DataError } from "../../src/data/index.ts";
import { FAKE_SETS, installFakeIcons, patterns } from "../support/fakeIcons.ts";

const root = mkdtempSync(join(tmpdir(), "siglip-icons-"));
afterAll(() => rmSync(root, { recursive: true }));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, "icons-"));
});
const packages = () => join(folder, "packages");

/** Prepares the fake sets; returns how many icons were rendered. */
async function prepare(): Promise<number> {
  let rendered = 0;
  const sources = installFakeIcons(packages());
  await prepareIcons({ sources, packages: packages(), folder, progress: () => rendered++ });
  return rendered;
}

const opened = (uses: readonly ("train" | "test")[] = ["train", "test"]) => openIcons({ folder, uses });

describe("prepareIcons", () => {
  it("renders every icon once, and nothing the next time", async () => {
    expect(await prepare()).toBe(13);
    const before = readFileSync(join(folder, "icons.json"));
    expect(await prepare()).toBe(0);
    expect(readFileSync(join(folder, "icons.json"))).toEqual(before);
  });

  it("continues after an interruption with the set that was not finished", async () => {
    const sources = installFakeIcons(packages());
    const progress = (done: number): void => {
      if (done === 5) throw new Error("killed"); // in the second set
    };
    await expect(prepareIcons({ sources, packages: packages(), folder, progress })).rejects.toThrow("killed");
    await expect(opened()).rejects.toThrow("not prepared");
    expect(await prepare()).toBe(9);
    expect((await opened()).sets).toHaveLength(4);
  });

  it("renders a set again that has changed, and no other", async () => {
    await prepare();
    const [, second] = FAKE_SETS;
    const sources = installFakeIcons(packages());
    installFakeIcons(packages(), [{ ...second, icons: patterns(["apple", "banana", "fig"], "square", 20) }]);
    let rendered = 0;
    await prepareIcons({ sources, packages: packages(), folder, progress: () => rendered++ });
    expect(rendered).toBe(3);
    expect((await opened()).sets[1].names).toEqual(["apple", "banana", "fig"]);
  });

  it("names a package that is not installed, and the command that installs it", async () => {
    const sources = [...installFakeIcons(packages()), { name: "fifth", version: "1.2.3", use: "test" as const }];
    const failed = prepareIcons({ sources, packages: packages(), folder });
    await expect(failed).rejects.toThrow(DataError);
    await expect(failed).rejects.toThrow(/fifth.*is missing; run npm install --prefix .*@iconify-json\/fifth@1.2.3/);
  });

  it("records the licence of each set", async () => {
    const sources = installFakeIcons(packages());
    const { sets } = await prepareIcons({ sources, packages: packages(), folder });
    expect(sets.map(({ licence, author }) => [licence, author])).toEqual(Array(4).fill(["MIT", "Somebody"]));
  });
});

describe("openIcons", () => {
  it("reads the pictures of the uses that are asked for, and the names of all", async () => {
    await prepare();
    const { sets, rendered } = await opened(["test"]);
    expect(sets.map(({ names }) => names)).toEqual([
      ["apple", "banana", "cherry", "red apple"],
      ["apple", "banana", "date"],
      ["apple", "banana"],
      ["apple", "cherry", "pear", "red pear"],
    ]);
    expect(sets.map(({ pictures }) => pictures.length / 4096)).toEqual([0, 0, 0, 4]);
    expect([...rendered.keys()]).toEqual(["icons.json", "fourth"]);
  });

  it("opens in another thread from memory alone, to the same icons", async () => {
    await prepare();
    const { sets, rendered } = await opened();
    const again = await openIcons({ folder: undefined, uses: ["train", "test"], rendered });
    expect(again.sets).toEqual(sets);
  });

  it("opens without the packages", async () => {
    await prepare();
    const { sets } = await opened();
    rmSync(packages(), { recursive: true });
    expect((await opened()).sets).toEqual(sets);
  });

  it.each<[string, RegExp, () => void]>([
    ["nothing is prepared", /not prepared in .*; run npm run data:icons/, () => rmSync(join(folder, "icons.json"))],
    ["pictures are missing", /first.bin is missing, cut short/, () => rmSync(join(folder, "first.bin"))],
    ["pictures are cut", /first.bin is missing, cut short.*data:icons/, () => edit("first.bin", (b) => b.subarray(0, -1))],
    ["a pixel differs", /first.bin is missing, cut short/, () => edit("first.bin", (b) => b.fill(9, 5000, 5001))],
    ["pictures are those of another set", /first.bin is missing, cut short or from another/, () =>
      edit("first.bin", () => readFileSync(join(folder, "second.bin")))],
    ["the index is cut", /icons.json is damaged; run npm run data:icons/, () => edit("icons.json", (b) => b.subarray(0, 99))],
    ["the index is another file", /icons.json is damaged/, () => edit("icons.json", () => Buffer.from("[1]"))],
    ["the index lacks the rows of a set", /icons.json is damaged/, () =>
      edit("icons.json", (b) => Buffer.from(b.toString().replace('"rows"', '"row"')))],
    ["another version prepared them", /another version \(0, this one is 1\)/, () =>
      edit("icons.json", (b) => Buffer.from(b.toString().replace('"recipe":1', '"recipe":0')))],
    ["a set was updated since", /the set second has changed since its icons were rendered; run npm run data:icons/, () =>
      void installFakeIcons(packages(), [{ ...FAKE_SETS[1], icons: patterns(["apple"], "ring") }])],
  ])("refuses to open if %s", async (_, message, spoil) => {
    await prepare();
    spoil();
    await expect(opened()).rejects.toThrow(DataError);
    await expect(opened()).rejects.toThrow(message);
  }); // biome-ignore format: a line for each

  it("says that a cache folder is needed if there is none", async () => {
    await expect(openIcons({ folder: undefined, uses: [] })).rejects.toThrow(/no cache folder.*SIGLIP_CACHE/);
  });
});

function edit(file: string, change: (bytes: Buffer) => Uint8Array): void {
  writeFileSync(join(folder, file), change(readFileSync(join(folder, file))));
}
