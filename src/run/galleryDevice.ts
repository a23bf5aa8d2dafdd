/** The program of the devices that embed pictures of the user. */
import { runDevice } from "../parallel/launch.ts";
import { embedPictures } from "./embed.ts";
import { openModel } from "./openModel.ts";

/** The job of `galleryProgram`. */
export interface GalleryJob {
  /** Path of the model. */
  readonly model: string;
  /** Prepared pictures in shared memory, [count, side, width, 3]. */
  readonly pixels: Float32Array;
  readonly count: number;
  readonly side: number;
  readonly width: number;
}

runDevice<GalleryJob, Float32Array>(({ comm, config: { model, pixels, count, side, width } }) => {
  const size = side * width * 3;
  const between = (from = 0, end = count) => pixels.subarray(from * size, end * size);
  return embedPictures(
    openModel(model, () => {}),
    { count, side, width, pixels: between },
    comm,
  ); // the main thread warns
});
