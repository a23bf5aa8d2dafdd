/** What of a configuration the layouts of others have no word for. */
import { type SigLipConfig, sidesOf } from "../siglip/index.ts";

/** The parts of a model that Hugging Face and open_clip cannot express. */
export function unsupportedParts({ image, text, embedDim }: SigLipConfig): string[] {
  const [height, width] = sidesOf(image);
  const found: readonly (readonly [unsupported: boolean, what: string])[] = [
    [image.pooling !== "map", `image.pooling ${image.pooling}`],
    [image.posEmb !== "learn", `image.posEmb ${image.posEmb}`],
    [(image.repSize ?? 0) !== 0, `image.repSize ${image.repSize}`],
    [height !== width, `image.imageSize ${height}×${width}`],
    [image.width !== embedDim, `image.width ${image.width} with embedDim ${embedDim}`],
    [text.pooling !== "last", `text.pooling ${text.pooling}`],
    [(text.bottleneck ?? 0) !== 0, `text.bottleneck ${text.bottleneck}`],
  ];
  return found.flatMap(([unsupported, what]) => (unsupported ? [what] : []));
}
