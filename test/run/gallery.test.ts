/** Pictures of a folder, embedded in batches. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { expect, it } from "vitest";
import { readPicture } from "../../src/data/index.ts";
import { resolveConfig } from "../../src/run/config.ts";
import { embedPictures } from "../../src/run/embed.ts";
import { embedFiles, embedOnDevices } from "../../src/run/gallery.ts";
import { buildModel } from "../../src/run/model.ts";
import { openModel } from "../../src/run/openModel.ts";
import { trainingPictures } from "../../src/run/pictureReader.ts";
import { Rng, type Tensor } from "../../src/tensor/index.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const png = (data: Uint8Array): Uint8Array => encode({ width: 4, height: 4, channels: 3, depth: 8, data });

it("every picture has its own embedding, in the order of the files; others are counted by kind", async () => {
  const config = resolveConfig("shapes", ["data.trim=never", "model.image.depth=1"]);
  const model = buildModel(config, 260);
  const side = config.model.image.imageSize;
  const opened = {
    path: "",
    config: model.config,
    embedDim: model.embedDim,
    embedImages: (images: Tensor) => model.embedImages(images),
    pictures: trainingPictures(model.config, false),
  };
  const folder = temporaryFolder();
  const rng = new Rng(1);
  for (let i = 0; i < 300; i++) {
    const rgb = Uint8Array.from({ length: 4 * 4 * 3 }, () => rng.integer(256));
    writeFileSync(join(folder, `${1000 + i}.png`), png(rgb));
  }
  writeFileSync(join(folder, "1100.png"), png(new Uint8Array(48)).subarray(0, 40));
  writeFileSync(join(folder, "notes.txt"), "no picture");

  const warnings: string[] = [];
  const warn = (text: string): void => void warnings.push(text);
  const { names, zimg, skipped, mostlyCut } = await embedFiles([folder], opened, warn, 2); // prepared on two threads
  expect(names.length).toBe(299);
  expect(Object.values(skipped)).toEqual([1, 1]);
  expect(warnings).toEqual([expect.stringMatching(/1100\.png/)]);
  expect(mostlyCut).toBe(0);
  const d = model.embedDim;
  for (const i of [0, 255, 256, 298]) {
    const { pixels } = await readPicture(names[i], { side, trim: false });
    expect(zimg.subarray(i * d, (i + 1) * d)).toEqual(embedPictures(model, { count: 1, side, pixels: () => pixels }));
  }
});

it("devices share pictures, and give the embeddings of one, to the bit", async () => {
  const model = released("hf/tiny");
  const side = 32;
  const rng = new Rng(2);
  const count = 5;
  const size = side * side * 3;
  const pixels = new Float32Array(new SharedArrayBuffer(4 * count * size));
  pixels.forEach((_, i) => {
    pixels[i] = rng.between(-1, 1);
  });
  const between = (from = 0, end = count) => pixels.subarray(from * size, end * size);
  const expected = embedPictures(
    openModel(model, () => {}),
    { count, side, pixels: between },
  );
  expect(await embedOnDevices({ model, pixels, count, side, width: side }, 2)).toEqual(expected);
  await expect(embedOnDevices({ model: "nowhere", pixels, count, side, width: side }, 2)).rejects.toThrow(
    /nowhere does not exist/,
  );
});
