import * as fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { encodePng, pngDataUri } from "../../src/report/png.ts";

describe("encodePng", () => {
  it("gives a file from which libpng reads the same pixels", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
          .chain(([w, h]) =>
            fc.tuple(fc.constant([w, h]), fc.uint8Array({ minLength: w * h * 3, maxLength: w * h * 3 })),
          ),
        async ([[width, height], rgb]) => {
          const { data, info } = await sharp(encodePng(rgb, width, height))
            .raw()
            .toBuffer({ resolveWithObject: true });
          expect([info.width, info.height, info.channels]).toEqual([width, height, 3]);
          expect(new Uint8Array(data)).toEqual(rgb);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("refuses pixels that do not fill the picture", () => {
    expect(() => encodePng(new Uint8Array(11), 2, 2)).toThrow("encodePng: 11 bytes; 2×2 pixels need 12");
    expect(() => pngDataUri(new Uint8Array(0), 0)).toThrow(/0 bytes/);
  });
});
