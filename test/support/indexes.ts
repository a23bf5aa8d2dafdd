/** Indexes on a simulated disk: small vectors, and what an index should hold. */
import { isPhoto, type PhotoFacts } from "../../src/photos/facts.ts";
import { openIndex } from "../../src/photos/photoIndex.ts";
import { type Change, IndexWriter } from "../../src/photos/writer.ts";
import type { SimulatedFs } from "./simulatedFs.ts";

export const WIDTH = 2;
export const INDEX = "/home/photos/.siglip-index";
export const OF = { model: { path: "/model", fingerprint: "f" }, folder: "/home/photos", width: WIDTH };
export const NOW = new Date(0);

/** A picture whose contents are a number. */
export const photo = (file: string, content: number): Change => ({
  line: { file, bytes: content, modified: 1, sha256: String(content) },
  embedding: Float32Array.of(content, 1),
});
export const gone = (file: string): Change => ({ line: { file, gone: true } });

/** Opens an index to write; a lock that a killed writer left is removed, since this process is its own and alive. */
export function openWriter(fs: SimulatedFs, warn: (message: string) => void = unexpected): IndexWriter {
  if (fs.isFolder(INDEX)) for (const name of fs.list(INDEX)) if (name.startsWith("lock")) fs.drop(`${INDEX}/${name}`);
  return IndexWriter.open(INDEX, OF, NOW, warn, fs);
}

/** Opens, commits once, releases. */
export function commit(fs: SimulatedFs, changes: readonly Change[]): void {
  const writer = openWriter(fs);
  writer.commit(changes);
  writer.release();
}

/** Contents by file, read as a search reads them; every embedding must be the one of its file. */
export function contentsOf(fs: SimulatedFs, warn: (message: string) => void = unexpected): Record<string, number> {
  const index = openIndex(INDEX, warn, fs);
  return Object.fromEntries(
    index.photos.map((facts: PhotoFacts, i) => {
      const [content] = index.embedding(i);
      if (String(content) !== facts.sha256 || !isPhoto(facts)) throw new Error(`${facts.file} has another embedding`);
      return [facts.file, content];
    }),
  );
}

function unexpected(message: string): void {
  throw new Error(`unexpected warning: ${message}`);
}
