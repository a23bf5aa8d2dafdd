/** The program of the devices that embed the images of a training set; rank 0 writes each part as soon as it is computed. */
import { openImages, type PairsSpec } from "../data/index.ts";
import { runDevice } from "../parallel/launch.ts";
import type { Config } from "./config.ts";
import { embedPictures } from "./embed.ts";
import { type Block, type Fingerprint, partFile, writeEmbeddings } from "./imageEmbeddings.ts";
import { imageModelOf } from "./runModel.ts";
import type { Stored } from "./trainingState.ts";

/** The job of `embedProgram`. */
export interface EmbedJob {
  readonly config: Config;
  readonly stored: Stored;
  readonly pairs: PairsSpec;
  /** The file, beside which the parts are written. */
  readonly file: string;
  readonly fingerprint: Fingerprint;
  /** The parts to compute. */
  readonly missing: readonly Block[];
}

/** Progress: the parts that are written. */
export interface EmbedReport {
  readonly done: number;
}

runDevice<EmbedJob, void, EmbedReport>(async ({ comm, config: job, alive, report }) => {
  const model = imageModelOf(job.config, job.stored);
  const images = await openImages(job.pairs, alive);
  if (!images) return; // checked by the main thread
  job.missing.forEach((block, i) => {
    const pixels = (from = 0, end = block.count) => images.pixels(block.first + from, block.first + end);
    const rows = embedPictures(model, { count: block.count, side: images.side, pixels }, comm);
    if (comm.rank > 0) return;
    writeEmbeddings(partFile(job.file, block), rows, job.fingerprint, block);
    report({ done: i + 1 });
  });
});
