/** `siglip index`: embeds the pictures of a folder, for `siglip search`. */
import { join } from "node:path";
import { printable } from "../formats/index.ts";
import { INDEX_FOLDER, type Update, updateIndex } from "../photos/index.ts";
import { openModel, unknownPictures } from "../run/index.ts";
import { deviceCount } from "./devices.ts";
import { kindsInWords } from "./givenPictures.ts";
import { print, warn } from "./print.ts";
import { catchSignals, exitCodeAfter } from "./signals.ts";

export interface IndexOptions {
  readonly model: string;
  readonly out?: string;
  readonly skip: readonly string[];
  readonly json?: boolean;
}

export async function indexPhotos(
  folder: string,
  { model: path, out, skip, json = false }: IndexOptions,
): Promise<void> {
  const index = out ?? join(folder, INDEX_FOLDER);
  const model = openModel(path, warn);
  const signals = catchSignals(() => process.stderr.write("ending after this batch; the same command continues\n"));
  try {
    const update = await updateIndex(index, folder, model, {
      now: new Date(),
      warn,
      skip,
      devices: deviceCount(undefined),
      progress: (done, of) => process.stderr.write(`${done} of ${of} files\n`),
      stop: () => signals.asked() !== undefined,
    });
    const unknown = model.run && unknownPictures(model.run, update.kinds);
    if (unknown !== undefined) warn(unknown);
    print(json ? JSON.stringify({ index, ...update }) : summary(index, update));
    const asked = signals.asked();
    if (asked && !update.complete) process.exitCode = exitCodeAfter(asked);
  } finally {
    signals.release();
  }
}

/** `412 pictures in photos/.siglip-index: 3 embedded, 1 renamed or copied, 2 gone, 406 unchanged` */
function summary(index: string, { photos, embedded, kept, gone, unchanged, skipped, complete }: Update): string {
  const counts = [
    `${embedded} embedded`,
    `${kept} renamed, copied or touched`,
    `${gone} gone`,
    `${unchanged} files unchanged`,
  ];
  const lines = [`${photos} pictures in ${printable(index)}: ${counts.join(", ")}`];
  if (Object.keys(skipped).length > 0) lines.push(`skipped: ${kindsInWords(skipped)}`);
  if (!complete) lines.push("interrupted; the same command continues");
  return lines.join("\n");
}
