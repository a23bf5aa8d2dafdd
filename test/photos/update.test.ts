import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { encode } from "fast-png";
import { describe, expect, it } from "vitest";
import { readPicture } from "../../src/data/index.ts";
import { openIndex } from "../../src/photos/photoIndex.ts";
import { type PhotoModel, type Update, type UpdateOptions, updateIndex } from "../../src/photos/update.ts";
import { embedPictures, openModel } from "../../src/run/index.ts";
import { decodeVariant } from "../../src/siglip/index.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { tinyModel } from "../support/tinyModel.ts";

const tiny = tinyModel();
const SIDE = 8;
const prepare = { side: SIDE, trim: false };
const reader: Pick<PhotoModel["pictures"], "read" | "input"> = {
  read: (file) => readPicture(file, prepare),
  input: { kind: "ink", ...prepare },
};
const model: PhotoModel = {
  path: "/model",
  fingerprint: "f",
  config: tiny.config,
  embedDim: tiny.embedDim,
  embedImages: (images) => tiny.embedImages(images),
  pictures: { height: SIDE, width: SIDE, settings: "", ...reader },
};

/** The same, but nothing may be prepared for it. */
const blindModel = (message: string): PhotoModel => ({
  ...model,
  pictures: {
    ...model.pictures,
    get input(): never {
      return expect.unreachable(message);
    },
  },
});

/** A model in files, which devices can open. */
const small: PhotoModel = openModel(released("hf/tiny"), (warning) => expect.unreachable(warning));
/** The same with the sizes of one that embeds 32 images in twenty seconds on each of two devices. */
const large: PhotoModel = {
  ...{ path: small.path, fingerprint: small.fingerprint, embedDim: small.embedDim, pictures: small.pictures },
  config: { ...small.config, image: { ...small.config.image, ...decodeVariant("L/16"), imageSize: 224 } },
  embedImages: (images) => small.embedImages(images),
};

/** A picture of random pixels. */
function png(content: number): Uint8Array {
  const data = Uint8Array.from({ length: 48 }, (_, i) => (Math.imul(content * 48 + i + 1, 2_654_435_761) >>> 24) & 255);
  return encode({ width: 4, height: 4, channels: 3, depth: 8, data });
}

const LONG_AGO = new Date(2020, 1, 1);
/** Writes a file that was changed long ago, so that its time is trusted. */
function put(folder: string, file: string, bytes: Uint8Array | string, time = LONG_AGO): void {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  utimesSync(path, time, time);
}

const update = (folder: string, options: Partial<UpdateOptions> = {}, of = model): Promise<Update> =>
  updateIndex(join(folder, ".siglip-index"), folder, of, { now: new Date(0), warn: () => {}, ...options });

/** Files of the index with their embeddings, as a search reads them. */
function contents(folder: string): Record<string, number[]> {
  const index = openIndex(join(folder, ".siglip-index"), (warning) => expect.unreachable(warning));
  return Object.fromEntries(index.photos.map(({ file }, i) => [file, [...index.embedding(i)]]));
}

const embeddingOf = async (content: number): Promise<number[]> => {
  const folder = temporaryFolder();
  put(folder, "one.png", png(content));
  const { pixels } = await model.pictures.read(join(folder, "one.png"));
  return [...embedPictures(model, { count: 1, side: SIDE, pixels: () => pixels })];
};

describe("updateIndex", () => {
  it.each([1, 2])(
    "embeds every picture as by itself, prepared on %i threads, and counts other files by kind",
    async (devices) => {
      const folder = temporaryFolder();
      for (let i = 0; i < 130; i++) put(folder, `${i % 3}/${i}.png`, png(i));
      put(folder, "notes.txt", "shopping");
      put(folder, "cut.png", png(0).subarray(0, 50));
      put(folder, ".hidden/a.png", png(1));
      symlinkSync("..", join(folder, "1/up"));
      const warnings: string[] = [];
      const done = await update(folder, { devices, warn: (message) => warnings.push(message) });
      expect(done).toMatchObject({
        photos: 130,
        embedded: 130,
        kept: 0,
        skipped: { text: 1, damaged: 1 },
        complete: true,
      });
      expect(warnings).toEqual([expect.stringMatching(/cut\.png/)]);
      const found = contents(folder);
      for (const i of [0, 31, 32, 129]) expect(found[`${i % 3}/${i}.png`]).toEqual(await embeddingOf(i));
    },
  );

  it("reads nothing again of what is unchanged, skipped files among them", async () => {
    const folder = temporaryFolder();
    put(folder, "a.png", png(1));
    put(folder, "b.txt", "text");
    await update(folder);
    const blind = blindModel("read again");
    expect(await update(folder, {}, blind)).toMatchObject({
      photos: 1,
      embedded: 0,
      unchanged: 2,
      skipped: { text: 1 },
    });
  });

  it("recognises renamed, copied and touched pictures by their contents, and files that exchanged theirs", async () => {
    const folder = temporaryFolder();
    for (const [i, name] of ["a", "b", "c", "d"].entries()) put(folder, `${name}.png`, png(i));
    await update(folder);
    const blind = blindModel("embedded again");
    renameSync(join(folder, "a.png"), join(folder, "renamed.png"));
    put(folder, "deep/copy.png", png(1));
    put(folder, "c.png", png(2), new Date(2021, 1, 1));
    expect(await update(folder, {}, blind)).toMatchObject({ embedded: 0, kept: 3, gone: 1 });
    expect(Object.keys(contents(folder)).sort()).toEqual(["b.png", "c.png", "d.png", "deep/copy.png", "renamed.png"]);
    put(folder, "c.png", png(3), new Date(2022, 1, 1));
    put(folder, "d.png", png(2), new Date(2022, 1, 1));
    await update(folder);
    expect(contents(folder)).toMatchObject({ "c.png": await embeddingOf(3), "d.png": await embeddingOf(2) });
  });

  it("trusts no time that is so recent that the file may change again within it", async () => {
    const folder = temporaryFolder();
    const now = new Date();
    put(folder, "a.png", png(1), now);
    await update(folder);
    put(folder, "a.png", png(2), now); // the same size and time
    await update(folder);
    expect(contents(folder)["a.png"]).toEqual(await embeddingOf(2));
  });

  it("continues after an interruption with what is missing", async () => {
    const folder = temporaryFolder();
    for (let i = 0; i < 300; i++) put(folder, `${1000 + i}.png`, png(i));
    const first = await update(folder, { stop: () => true });
    expect(first).toMatchObject({ complete: false, photos: first.embedded });
    expect(first.embedded).toBeGreaterThan(0); // 256, or as many as ten seconds allow
    expect(await update(folder)).toMatchObject({ complete: true, embedded: 300 - first.embedded, photos: 300 });
  });

  it("embeds batches of a large model on devices, with the bits of one thread", async () => {
    const folder = temporaryFolder();
    for (let i = 0; i < 36; i++) put(folder, `${1000 + i}.png`, png(i));
    put(folder, "1001.txt", "shopping");
    const seen: number[] = [];
    const done = await update(folder, { devices: 2, progress: (files) => seen.push(files) }, large);
    expect(done).toMatchObject({ photos: 36, embedded: 36, skipped: { text: 1 }, complete: true });
    expect(seen.length).toBe(2); // the second is too little for devices
    const found = contents(folder);
    rmSync(join(folder, ".siglip-index"), { recursive: true });
    await update(folder, {}, small);
    expect(found).toEqual(contents(folder));
  });

  it("keeps what was committed before devices fail, and continues with what is missing", async () => {
    const folder = temporaryFolder();
    for (let i = 0; i < 3; i++) put(folder, `${i}.png`, png(i));
    await update(folder, { devices: 2 }, large);
    for (let i = 3; i < 36; i++) put(folder, `${i}.png`, png(i));
    const lost = { ...large, path: "nowhere" };
    await expect(update(folder, { devices: 2 }, lost)).rejects.toThrow(/nowhere does not exist/);
    expect(Object.keys(contents(folder)).sort()).toEqual(["0.png", "1.png", "2.png"]);
    expect(await update(folder, {}, small)).toMatchObject({ embedded: 33, photos: 36 });
  });

  it("leaves out what --skip names, and takes it out if it was in", async () => {
    const folder = temporaryFolder();
    for (const file of ["a.png", "old/b.png", "older/c.png"]) put(folder, file, png(file.length));
    await update(folder);
    expect(await update(folder, { skip: ["old"] })).toMatchObject({ photos: 2, gone: 1 });
    expect(Object.keys(contents(folder))).toEqual(["a.png", "older/c.png"]);
  });

  it("keeps an index whose pictures are all gone, as on a drive that is not connected, and says so", async () => {
    const folder = temporaryFolder();
    put(folder, "a.png", png(1));
    await update(folder);
    unlinkSync(join(folder, "a.png"));
    await expect(update(folder)).rejects.toThrow(/no file in .*, and the index .* has 1; connect its drive/);
    expect(Object.keys(contents(folder))).toEqual(["a.png"]);
  });

  it("of an empty folder is an empty index", async () => {
    const folder = temporaryFolder();
    expect(await update(folder)).toMatchObject({ photos: 0, complete: true });
    expect(contents(folder)).toEqual({});
  });

  it("after any changes equals an index made anew", async () => {
    const file = fc.constantFrom("a.png", "b.png", "c/d.png", "e.png");
    const action = fc.oneof(
      fc.record({ do: fc.constant("write" as const), file, content: fc.nat(5) }),
      fc.record({ do: fc.constant("delete" as const), file }),
      fc.record({ do: fc.constant("move" as const), file, to: file }),
      fc.record({ do: fc.constant("update" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 12 }), async (actions) => {
        const folder = temporaryFolder();
        put(folder, "always.png", png(9));
        let time = 0;
        for (const act of actions) {
          if (act.do === "write") put(folder, act.file, png(act.content), new Date(LONG_AGO.getTime() + 1000 * ++time));
          else if (act.do === "delete") rmSync(join(folder, act.file), { force: true });
          else if (act.do === "update") await update(folder);
          else {
            mkdirSync(dirname(join(folder, act.to)), { recursive: true });
            try {
              renameSync(join(folder, act.file), join(folder, act.to));
            } catch {} // there is no such file
          }
        }
        await update(folder);
        const updated = contents(folder);
        rmSync(join(folder, ".siglip-index"), { recursive: true });
        await update(folder);
        expect(updated).toEqual(contents(folder));
      }),
      { numRuns: 10 },
    );
  });
});
