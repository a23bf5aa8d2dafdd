/** Embeds the images of a training set on devices: progress, and a clean end on Ctrl-C after which the same command continues. */
import { AbortedError } from "../parallel/index.ts";
import { launch } from "../parallel/launch.ts";
import { type EmbedJob, type EmbedReport, embedProgram, joinParts, missingParts } from "../run/index.ts";
import { catchSignals, type Interruption } from "./signals.ts";

/** What to embed, and into which file. */
export type Embedding = Omit<EmbedJob, "missing">;

/** Writes the file, as soon as all of its parts are written; returns the signal that ended the work before, if any. */
export async function embedImages(
  work: Embedding,
  devices: number,
  deadline: number,
): Promise<Interruption | undefined> {
  const { file, fingerprint } = work;
  const missing = missingParts(file, fingerprint);
  const rows = missing.reduce((sum, { count }) => sum + count, 0);
  const show = (done: number): void => {
    const images = missing.slice(0, done).reduce((sum, { count }) => sum + count, fingerprint.count - rows);
    process.stderr.write(`embedding images (once): ${images} of ${fingerprint.count}\n`);
  };
  if (rows > 0) {
    const launched = launch<EmbedJob, void, EmbedReport>(
      embedProgram,
      devices,
      { ...work, missing },
      {
        deadline,
        onReport: ({ done }) => show(done),
      },
    );
    const signals = catchSignals(() => void launched.abort());
    try {
      await launched.results;
    } catch (error) {
      const asked = signals.asked();
      if (asked !== undefined && error instanceof AbortedError) return asked;
      throw error;
    } finally {
      signals.release();
    }
  }
  joinParts(file, fingerprint);
  return undefined;
}
