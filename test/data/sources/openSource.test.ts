/** Every form of the same captioned images is read as the same data: the forms were written by Python's libraries. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { openSource } from "../../../src/data/sources/openSource.ts";
import { scanSource } from "../../../src/data/sources/scan.ts";

const fixtures = fileURLToPath(new URL("../../fixtures/sources/", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "siglip-sources-"));
afterAll(() => rmSync(root, { recursive: true }));

const open = (path: string, columns = {}) =>
  openSource(path, { image: "auto", text: "auto", warn: () => {}, ...columns });

/** Images by SHA-256 with their captions and split, and the reasons why rows cannot be used. */
async function read(path: string, columns = {}) {
  const { images, bad, ...counts } = await scanSource(await open(path, columns));
  return {
    images: images.map(({ sha256, captions, split }) => ({ sha256, texts: captions.map(({ text }) => text), split })),
    bad: bad.map(({ where, reason }) => `${where}: ${reason}`),
    ...counts,
  };
}

/** A new folder with these files; the number of an image stands for its bytes. */
function folderOf(files: Readonly<Record<string, string | number>>): string {
  const folder = mkdtempSync(join(root, "folder-"));
  for (const [name, contents] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    if (typeof contents === "string") writeFileSync(join(folder, name), contents);
    else cpSync(join(fixtures, "folder", `00${contents}.${contents === 3 ? "webp" : "png"}`), join(folder, name));
  }
  return folder;
}

const FORMS = [
  ...["comma.csv", "excel.csv", "tabs.tsv", "unicode.txt", "rows.jsonl", "pax.tar", "gnu.tar.gz", "ustar.tgz"],
  ...["struct.parquet", "bytes.parquet", "paths.parquet"],
];

describe("a source", () => {
  it("of captions beside the images has each image once, sorted by SHA-256, with sorted captions", async () => {
    const { images, bad } = await read(join(fixtures, "folder"));
    expect(bad).toEqual([]);
    expect(images.map(({ sha256 }) => sha256)).toEqual([...images.map(({ sha256 }) => sha256)].sort());
    expect(images.map(({ texts }) => texts).sort()).toEqual(
      [
        ["007"],
        ["None"],
        ['a "green" circle', "a second caption; with marks"],
        ["a blue square, large"],
        ["a grey cross"],
        ["a red circle"],
        ["ein grüner Kreis"],
        ["赤い丸"],
      ].sort(),
    );
  });

  it.each(FORMS)("in %s is the same data", async (file) => {
    const expected = await read(join(fixtures, "folder"));
    const { images, bad } = await read(join(fixtures, file));
    expect(bad).toEqual([]);
    expect(images).toEqual(expected.images);
  });

  it("in an imagefolder is found by its metadata, whose folders name splits", async () => {
    const folder = folderOf({
      "train/a.png": 0,
      "train/metadata.csv": "file_name,text\na.png,red\n",
      "test/b.png": 1,
      "test/metadata.jsonl": '{"file_name": "b.png", "text": "blue"}\n',
    });
    const { images, bad } = await read(folder);
    expect(bad).toEqual([]);
    expect(images.map(({ texts, split }) => [texts[0], split]).sort()).toEqual([["blue", "test"], ["red", "train"]]); // biome-ignore format: a line
  });

  it("of class folders has the name of the folder as caption", async () => {
    const { images } = await read(folderOf({ "train/hot_dog/a.png": 0, "train/cat/b.png": 1, "test/cat/c.png": 2 }));
    const found = images.map(({ texts, split }) => `${texts} ${split}`).sort();
    expect(found).toEqual(["cat test", "cat train", "hot dog train"]);
  });

  it("as a table finds its images in the only folder that holds them, and its columns by their names or as named", async () => {
    const files = {
      "Images/a.png": 0,
      "Images/b.png": 1,
      "captions.csv": "Image,id,Comment\na.png,7,red\nb.png,8,blue\n",
    };
    const texts = async (columns = {}) =>
      (await read(folderOf(files), columns)).images.map((each) => each.texts[0]).sort();
    expect(await texts()).toEqual(["blue", "red"]);
    expect(await texts({ text: "id" })).toEqual(["7", "8"]);
    await expect(read(folderOf(files), { text: "title" })).rejects.toThrow(
      'captions.csv: there is no column "title"; its columns are "Image", "id", "Comment"; name it with --set data.text=COLUMN',
    );
  });

  it("with an image in several rows has it once with all captions; listed for training and testing, it is tested", async () => {
    const rows = "file_name,text,split\na.png,one,train\na.png,two,train\nb.png,three,test\ncopy.png,four,train\n";
    const found = await read(folderOf({ "a.png": 0, "b.png": 1, "copy.png": 1, "rows.csv": rows }));
    expect(found.images.map(({ texts, split }) => `${texts} ${split}`).sort()).toEqual([
      "four,three test",
      "one,two train",
    ]);
    expect(found).toMatchObject({ rows: 4, repeatedImages: 2, inTwoSplits: 1 });
  });

  it("names every row that cannot be used, with its line and the reason", async () => {
    const table = [
      "file_name,text,split",
      "a.png,fine,train",
      "none.png,a picture,train",
      "a.png,two, fields,train",
      "a.png,  ,train",
      "b.png,,train",
      "http://x.org/a.png,far,train",
      "b.png,why,sometimes",
      ",nothing,train",
      "sub,a folder,train",
    ].join("\n");
    const { bad, emptyCaptions, images } = await read(
      folderOf({ "a.png": 0, "b.png": 1, "sub/c.png": 2, "t.csv": table }),
    );
    expect(bad.map((line) => line.replaceAll(root, ""))).toEqual([
      expect.stringMatching(/^t\.csv, line 3: picture "…?.*none\.png": there is no such file/),
      "t.csv, line 4: 4 fields, and the first line has 3; write a text with commas or line breaks in quotes",
      "t.csv, line 5: its caption is empty or white space; write what the image shows",
      "t.csv, line 6: its caption is empty or white space; write what the image shows",
      "t.csv, line 7: http://x.org/a.png is an address, and nothing is fetched from the web; download it first",
      't.csv, line 8: the split is "sometimes"; expected train, validation or test',
      "t.csv, line 9: it names no image",
      expect.stringMatching(/^t\.csv, line 10: picture ".*sub": found a directory/),
    ]);
    expect(emptyCaptions).toBe(0); // they are named
    expect(images).toHaveLength(1);
  });

  it("leaves out and counts empty captions beside others", async () => {
    const lines = ['{"image": "a.png", "caption": ["", "fine", " \\t"]}', '{"image": "b.png", "caption": ["", " "]}'];
    const { bad, emptyCaptions, images } = await read(
      folderOf({ "a.png": 0, "b.png": 1, "rows.jsonl": lines.join("\n") }),
    );
    expect([images.map(({ texts }) => texts), emptyCaptions]).toEqual([[["fine"]], 2]);
    expect(bad).toEqual(["rows.jsonl, line 2: its caption is empty or white space; write what the image shows"]);
  });

  it("of JSON objects names lines that are no object, and captions that are no text", async () => {
    const lines = ['{"image": "a.png", "caption": "fine"}', "{oops", "[]", '{"image": "a.png", "caption": 7}', '{"caption": "x"}', '{"image": "a.png", "caption": null}']; // biome-ignore format: a line
    const { bad, images } = await read(folderOf({ "a.png": 0, "rows.jsonl": lines.join("\n") }));
    expect(bad.map((line) => line.split(": ")[0])).toEqual([2, 3, 4, 5, 6].map((line) => `rows.jsonl, line ${line}`));
    expect(images).toHaveLength(1);
  });

  it("names an image without a caption, and leaves out a text without an image", async () => {
    const source = await open(folderOf({ "a.png": 0, "a.txt": "one\n\ntwo\n", "b.png": 1, "README.txt": "hello" }));
    expect(source.notes).toEqual(["without an image beside them, so left out: README.txt"]);
    const { bad, images } = await scanSource(source);
    expect(images[0].captions.map(({ text }) => text)).toEqual(["one", "two"]);
    expect(bad).toEqual([{ where: "b.png", reason: "it has no caption; write it into a .txt file beside it" }]);
  });

  it.each([
    ["nothing", () => join(root, "missing"), /there is no such file or folder/],
    ["an empty folder", () => folderOf({}), /no images among 0 files; give images with captions/],
    ["images alone", () => folderOf({ "a.png": 0 }), /1 images and no captions/],
    ["one image", () => join(folderOf({ "a.png": 0 }), "a.png"), /found one image/],
    ["an empty file", () => join(folderOf({ "a.csv": "" }), "a.csv"), /the file is empty/],
    ["two tables", () => folderOf({ "a.csv": "x", "b.csv": "x" }), /several tables: a\.csv, b\.csv; give one of them/],
    ["a table without captions", () => folderOf({ "a.csv": "file_name,price\na,1\n" }), /no column looks like that of captions/],
    ["a table that is not UTF-8", () => folderOf({ "a.csv": "file_name,text\n" }), /./],
    ["a quote without an end", () => folderOf({ "a.csv": 'file_name,text\na.png,"no end\nb.png,x\n' }), /close every quoted field/],
  ])("that is %s is refused with what was found and what to do", async (what, path, says) => {
    if (what === "a table that is not UTF-8") {
      const file = join(path(), "a.csv");
      writeFileSync(file, Buffer.from("file_name,text\na.png,gr\xfcn\n", "latin1"));
      await expect(read(file)).rejects.toThrow("it is not UTF-8; save it as UTF-8");
    } else await expect(read(path())).rejects.toThrow(says);
  }); // biome-ignore format: a case a line

  it("neither follows a folder into itself nor waits for a FIFO or a device named like an image", async () => {
    const folder = folderOf({ "a.png": 0, "a.txt": "one" });
    symlinkSync(folder, join(folder, "again"));
    symlinkSync("/dev/zero", join(folder, "b.png"));
    writeFileSync(join(folder, "b.txt"), "zeros");
    const { images, bad } = await read(folder);
    expect([images.length, bad]).toEqual([1, []]);
    const table = join(folder, "rows.csv");
    writeFileSync(table, "file_name,text\na.png,one\nb.png,zeros\n");
    expect((await read(table)).bad[0]).toMatch(/^rows\.csv, line 3: picture ".*b\.png": found not a regular file/);
  });
});
