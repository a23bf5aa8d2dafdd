/** Models in the layout of big_vision (bigVision.ts), written. */
import { npzPieces } from "../formats/index.ts";
import { sidesOf } from "../siglip/index.ts";
import { zlib } from "./files.ts";
import { BIG_VISION_IMAGES, bigVisionImages } from "./imageSettings.ts";
import type { LayoutWriter } from "./layout.ts";
import { NO_FILES, tokenizerFiles } from "./tokenizerFiles.ts";

export const writeBigVision: LayoutWriter = {
  unsupported: ({ image, text }) => {
    const [height, width] = sidesOf(image);
    const found: readonly (readonly [unsupported: boolean, what: string])[] = [
      [image.pooling !== "map" && image.pooling !== "tok", `image.pooling ${image.pooling}`],
      [image.posEmb !== "learn", `image.posEmb ${image.posEmb}`],
      [height !== width, `image.imageSize ${height}×${width}`],
      [text.pooling !== "last" && text.pooling !== "map", `text.pooling ${text.pooling}`],
      [(text.bottleneck ?? 0) !== 0, `text.bottleneck ${text.bottleneck}`],
      ...Object.entries({ image, text }).flatMap(([tower, { gelu = "tanh", epsilon = 1e-6 }]) => [
        [gelu !== "tanh", `${tower}.gelu ${gelu}`] as const,
        [epsilon !== 1e-6, `${tower}.epsilon ${epsilon}`] as const,
      ]),
    ];
    return found.flatMap(([unsupported, what]) => (unsupported ? [what] : []));
  },
  files(config, tensors, { tokenizer, images }) {
    const { files, notes } = tokenizer ? tokenizerFiles(tokenizer, config.text.length, "big-vision") : NO_FILES;
    const all = new Map<string, Iterable<Uint8Array>>([["model.npz", npzPieces(tensors, zlib)], ...files]);
    const string = images && bigVisionImages(images, config);
    if (string !== undefined) all.set(BIG_VISION_IMAGES, [new TextEncoder().encode(`${string}\n`)]);
    const unsaid =
      images && string === undefined
        ? ["images: mean and std differ by channel, which a string of big_vision cannot say"]
        : [];
    return { files: all, notes: [...notes, ...unsaid] };
  },
};
