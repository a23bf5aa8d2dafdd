import * as fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ReportError } from "../../src/report/index.ts";
import { pngDataUri } from "../../src/report/png.ts";

const picture = fc.integer({ min: 1, max: 9 }).chain((side) =>
  fc.record({
    side: fc.constant(side),
    rgb: fc.uint8Array({ minLength: side * side * 3, maxLength: side * side * 3 }),
  }),
);

describe("pngDataUri", () => {
  it("gives a file from which libpng reads the same pixels", async () => {
    await fc.assert(
      fc.asyncProperty(picture, async ({ side, rgb }) => {
        const [start, base64] = pngDataUri({ side, rgb }).split(",");
        expect(start).toBe("data:image/png;base64");
        const { data, info } = await sharp(Buffer.from(base64, "base64")).raw().toBuffer({ resolveWithObject: true });
        expect([info.format, info.width, info.height, info.channels]).toEqual(["raw", side, side, 3]);
        expect(new Uint8Array(data)).toEqual(rgb);
      }),
      { numRuns: 40 },
    );
  });

  it("refuses pixels that do not fill the picture", () => {
    expect(() => pngDataUri({ side: 2, rgb: new Uint8Array(11) })).toThrow(ReportError);
    expect(() => pngDataUri({ side: 2, rgb: new Uint8Array(11) })).toThrow("11 bytes; 2×2 pixels need 12");
    expect(() => pngDataUri({ side: 0, rgb: new Uint8Array(0) })).toThrow(/0 bytes/);
  });
});
