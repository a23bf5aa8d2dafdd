/** `siglip embed`: the embeddings of a run's training images in a file, for training text towers with the image tower locked. */
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DataError, openImages } from "../data/index.ts";
import { FormatError, printable } from "../formats/index.ts";
import {
  EmbeddingsError,
  type Fingerprint,
  fingerprintOf,
  imageModelOf,
  openRunToRead,
  openTraining,
  readEmbeddings,
  removeParts,
  shared,
} from "../run/index.ts";
import { chooseKernels, type KernelMode } from "../tensor/index.ts";
import { deadlineOf, deviceCount } from "./devices.ts";
import { embedImages } from "./embedImages.ts";
import { opening } from "./opening.ts";
import { print, printableLines, warn } from "./print.ts";
import { exitCodeAfter } from "./signals.ts";
import { usageError } from "./usageError.ts";

export interface EmbedOptions {
  readonly out: string;
  readonly json?: boolean;
  readonly devices?: string;
  readonly deadline?: string;
  readonly kernels?: KernelMode;
}

export async function embed(run: string, { out, json = false, ...options }: EmbedOptions): Promise<void> {
  const devices = deviceCount(options.devices);
  const deadline = deadlineOf(options.deadline);
  checkOut(out);
  const { config, checkpoint } = openRunToRead(run, warn);
  chooseKernels(options.kernels ?? config.train.kernels);
  imageModelOf(config, checkpoint); // an invalid model is rejected here, before any thread starts
  const { pairs } = await openTraining(config, opening());
  const images = await openImages(pairs);
  if (!images) {
    throw new DataError(
      `embed: ${config.data.name} draws new images in every step, so there is no list of them; train with train.lock=image on the images as they are drawn`,
    );
  }
  const stored = shared(checkpoint);
  const fingerprint = fingerprintOf(config, stored, images);
  const isThere = existsSync(out);
  if (isThere) requireSame(out, fingerprint);
  else {
    const signal = await embedImages({ config, stored, pairs, file: out, fingerprint }, devices, deadline);
    if (signal !== undefined) {
      const how = "what is computed is kept; the same command continues";
      process.stderr.write(printableLines(`stopped by ${signal} before ${out} was complete; ${how}\n`));
      process.exitCode = exitCodeAfter(signal);
      return;
    }
  }
  if (json) print(JSON.stringify({ file: out, step: checkpoint.step, ...fingerprint }));
  else {
    const { count, width } = fingerprint;
    const rows = `${count.toLocaleString("en")} embeddings of width ${width}`;
    print(printable(`${rows}, of step ${checkpoint.step}: ${out}${isThere ? " (was complete before)" : ""}`));
  }
}

function checkOut(out: string): void {
  if (!out.endsWith(".safetensors")) {
    const detail = `--out ${out}: embeddings of training images are written to a file that ends in .safetensors; name one, or say what to embed with --images or --texts`;
    throw usageError("--out", detail);
  }
  if (existsSync(out) && !statSync(out).isFile())
    throw usageError("--out", `--out ${out} is not a regular file; name another`);
  if (!existsSync(dirname(out)))
    throw usageError("--out", `--out ${out}: there is no folder ${dirname(out)}; make it first`);
}

/** Accepts a file that holds these embeddings already; no other file is replaced. */
function requireSame(out: string, fingerprint: Fingerprint): void {
  try {
    readEmbeddings(out, fingerprint);
    removeParts(out); // a kill may have come before
  } catch (error) {
    if (!(error instanceof EmbeddingsError || error instanceof FormatError)) throw error;
    throw usageError(
      "--out",
      `--out exists and is not replaced; name another file, or move it away (${error.message})`,
    );
  }
}
