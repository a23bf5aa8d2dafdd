import sharp from "sharp";
import { expect, it } from "vitest";
import { takenAt } from "../../src/data/index.ts";

const grey = sharp({ create: { width: 8, height: 8, channels: 3, background: "grey" } });
const taken = { IFD2: { DateTimeOriginal: "2024:05:31 18:02:11" }, IFD0: { DateTime: "2025:01:01 00:00:00" } };

it("the date of a photograph is that of its exposure, as the camera's clock showed", async () => {
  for (const file of [grey.clone().jpeg(), grey.clone().webp(), grey.clone().png()]) {
    expect(await takenAt(await file.withExif(taken).toBuffer())).toBe("2024-05-31T18:02:11");
  }
});

it("a picture without a date, or with damaged EXIF data, has none", async () => {
  expect(await takenAt(await grey.clone().jpeg().toBuffer())).toBeUndefined();
  expect(await takenAt(new TextEncoder().encode("no picture"))).toBeUndefined();
  const jpeg = await grey.clone().jpeg().withExif(taken).toBuffer();
  const at = jpeg.indexOf("2024:05:31");
  for (const digits of ["0000:00:00", "    :  :  ", "\0\0\0\0\0\0\0\0\0\0"]) {
    const damaged = Buffer.from(jpeg);
    damaged.write(digits, at, "latin1");
    damaged.write("        ", at + 11, "latin1");
    const found = await takenAt(damaged);
    expect(found === undefined || /^\d{4}-\d\d-\d\dT/.test(found)).toBe(true);
  }
});
