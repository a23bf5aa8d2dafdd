/** Opens the model that the user chose, and searches with it. */
import type { BrowserDevice } from "../../src/parallel/browserDevice.ts";
import { sidesOf } from "../../src/siglip/index.ts";
import { CELL } from "../atlas/atlas.ts";
import type { ReadPart } from "./chosen.ts";
import { readModelFiles } from "./files.ts";
import type { ModelConfig, ModelReport, ModelRequest } from "./messages.ts";
import { Searcher } from "./searcher.ts";

const FOUND = 8; // pictures of a search

const reader = new FileReaderSync();
const readPart: ReadPart = (content, begin, end) => new Uint8Array(reader.readAsArrayBuffer(content.slice(begin, end)));

/** Answers every search with the model of the configuration. */
export async function searchWithModel(device: BrowserDevice<ModelConfig, ModelRequest, ModelReport>): Promise<void> {
  const { config, report } = device;
  let searcher: Searcher | undefined;
  let wanted = "";
  const search = (words: string): void => {
    wanted = words;
    if (searcher && words !== "") report({ kind: "found", words, found: searcher.search(words, FOUND) });
  };
  device.onRequest = ({ words }) => search(words);
  try {
    const stored = await readModelFiles(config.files, readPart);
    const { names } = config.names;
    const embedding = (done: number): void =>
      report({ kind: "opening", text: `Embedding the pictures: ${done} of ${names.length} …` });
    searcher = new Searcher({ ...config.names, pictures: config.pictures }, stored, embedding);
    const [side] = sidesOf(stored.config.image);
    const opened = `Open: a ${stored.what}, images of ${side} × ${side} pixels. The page’s pictures have ${CELL} × ${CELL}, and are resampled for it.`;
    const text = [opened, ...stored.doubts].join(" ");
    report({ kind: "opened", text });
    search(wanted);
  } catch (error) {
    report({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}
