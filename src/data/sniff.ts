/**
 * What a file is by its first bytes, whatever its name says.
 */

export interface Sniffed {
  /** "a PNG picture", "an HTML page", ... */
  readonly what: string;
  /** Can it be read as a picture? */
  readonly picture: boolean;
}

const startsWith = (bytes: Uint8Array, signature: string, at = 0): boolean =>
  bytes.length >= at + signature.length && [...signature].every((c, i) => bytes[at + i] === c.charCodeAt(0));

/** Signature, its place, what it means. Latin-1, as the specifications print them. */
const SIGNATURES: readonly (readonly [string, number, string, boolean])[] = [
  ["\x89PNG\r\n\x1a\n", 0, "a PNG picture", true],
  ["\xff\xd8\xff", 0, "a JPEG picture", true],
  ["GIF8", 0, "a GIF picture", true],
  ["WEBP", 8, "a WebP picture", true],
  ["ftypavi", 4, "an AVIF picture", true],
  ["II*\0", 0, "a TIFF picture", true],
  ["MM\0*", 0, "a TIFF picture", true],
  ["ftyphei", 4, "a HEIC picture", false],
  ["ftypmif1", 4, "a HEIC picture", false],
  ["ftyp", 4, "a video", false],
  ["BM", 0, "a BMP picture", false],
  ["%PDF", 0, "a PDF document", false],
  ["PK\x03\x04", 0, "a zip archive", false],
  ["\x1f\x8b", 0, "a gzip archive", false],
  ["version https://git-lfs", 0, "a Git LFS pointer instead of the file it stands for", false],
];

export function sniff(bytes: Uint8Array): Sniffed {
  if (bytes.length === 0) return { what: "an empty file", picture: false };
  for (const [signature, at, what, picture] of SIGNATURES) {
    if (startsWith(bytes, signature, at)) return { what, picture };
  }
  const head = new TextDecoder().decode(bytes.subarray(0, 1024)).trimStart().toLowerCase();
  if (head.startsWith("<!doctype html") || head.startsWith("<html")) {
    return { what: "an HTML page (an error page saved as a picture?)", picture: false };
  }
  if (/^(<\?xml|<!--|<!doctype svg|<svg)/.test(head)) {
    return head.includes("<svg") || bytes.length > 1024
      ? { what: "an SVG picture", picture: true }
      : { what: "an XML file", picture: false };
  }
  if (/^[[{]/.test(head)) return { what: "JSON", picture: false };
  const isText = [...head].every((c) => (c >= " " || "\t\r\n".includes(c)) && c !== "\ufffd");
  if (isText) return { what: "text", picture: false };
  return { what: "an unknown format", picture: false };
}
