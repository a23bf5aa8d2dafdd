/** Detects the kind of a file by its first bytes, regardless of its name. */

/** The kind of a file. */
export interface Sniffed {
  /** One word in lower case: "png", "heic", "html", ... */
  readonly kind: string;
  /** "a PNG picture", "an HTML page", ... */
  readonly what: string;
  /** A picture that can be read, one that cannot, or another file. */
  readonly is: "readable" | "unreadable" | "other";
}

/** Bytes at the start of a file that `sniff` needs. */
export const SNIFFED = 65_536;

const startsWith = (bytes: Uint8Array, signature: string, at = 0): boolean =>
  bytes.length >= at + signature.length && [...signature].every((c, i) => bytes[at + i] === c.charCodeAt(0));

/** Signatures in Latin-1, as specifications print them. */
const SIGNATURES: readonly (readonly [signature: string, at: number, kind: string, what: string, is: Sniffed["is"]])[] =
  [
    ["\x89PNG\r\n\x1a\n", 0, "png", "a PNG picture", "readable"],
    ["\xff\xd8\xff", 0, "jpeg", "a JPEG picture", "readable"],
    ["GIF8", 0, "gif", "a GIF picture", "readable"],
    ["WEBP", 8, "webp", "a WebP picture", "readable"],
    ["II*\0", 0, "tiff", "a TIFF picture", "readable"],
    ["MM\0*", 0, "tiff", "a TIFF picture", "readable"],
    ["II+\0", 0, "tiff", "a TIFF picture", "readable"], // BigTIFF
    ["MM\0+", 0, "tiff", "a TIFF picture", "readable"],
    ["\0\0\0\x0cJXL ", 0, "jxl", "a JPEG XL picture", "unreadable"],
    ["\xff\x0a", 0, "jxl", "a JPEG XL picture", "unreadable"],
    ["\0\0\0\x0cjP  ", 0, "jp2", "a JPEG 2000 picture", "unreadable"],
    ["8BPS", 0, "psd", "a Photoshop picture", "unreadable"],
    ["%PDF", 0, "pdf", "a PDF document", "other"],
    ["PK\x03\x04", 0, "zip", "a zip archive", "other"],
    ["\x1f\x8b", 0, "gzip", "a gzip archive", "other"],
    ["version https://git-lfs", 0, "lfs", "a Git LFS pointer instead of the file it stands for", "other"],
  ];

/** Four-letter brands of an ISO base media file (ISO/IEC 14496-12): the major brand, then the compatible ones. */
function brandsOf(bytes: Uint8Array): string[] {
  const size = bytes[0] * 2 ** 24 + bytes[1] * 2 ** 16 + bytes[2] * 2 ** 8 + bytes[3];
  const brands: string[] = [];
  // Bytes 12..15 are the minor version.
  for (let at = 8; at + 4 <= Math.min(size, bytes.length, 512); at += at === 8 ? 8 : 4) {
    brands.push(String.fromCharCode(...bytes.subarray(at, at + 4)));
  }
  return brands;
}

const AVIF = ["avif", "avis"];
const HEIF = ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1"];

function sniffMedia(bytes: Uint8Array): Sniffed {
  const brands = brandsOf(bytes);
  // "mif1" is a still picture of any coding; the compatible brands name it.
  if (brands.some((brand) => AVIF.includes(brand))) return { kind: "avif", what: "an AVIF picture", is: "readable" };
  if (brands.some((brand) => HEIF.includes(brand))) return { kind: "heic", what: "a HEIC picture", is: "unreadable" };
  return { kind: "video", what: "a video", is: "other" };
}

/** The kind of a file that begins with `bytes`. */
export function sniff(bytes: Uint8Array): Sniffed {
  if (bytes.length === 0) return { kind: "empty", what: "an empty file", is: "other" };
  for (const [signature, at, kind, what, is] of SIGNATURES) {
    if (startsWith(bytes, signature, at)) return { kind, what, is };
  }
  if (startsWith(bytes, "ftyp", 4)) return sniffMedia(bytes);
  // A text may begin with the same two letters; the sizes after them contain a zero byte.
  if (startsWith(bytes, "BM") && bytes.subarray(2, 18).includes(0)) {
    return { kind: "bmp", what: "a BMP picture", is: "unreadable" };
  }
  const head = new TextDecoder().decode(bytes.subarray(0, 1024), { stream: true }).trimStart().toLowerCase();
  if (head.startsWith("<!doctype html") || head.startsWith("<html")) {
    return { kind: "html", what: "an HTML page (an error page saved as a picture?)", is: "other" };
  }
  if (/^(<\?xml|<!--|<!doctype svg|<svg)/.test(head)) {
    // The first element may come after a long comment.
    const more = new TextDecoder().decode(bytes.subarray(0, SNIFFED)).toLowerCase();
    return more.includes("<svg")
      ? { kind: "svg", what: "an SVG picture", is: "readable" }
      : { kind: "xml", what: "an XML file", is: "other" };
  }
  if (/^[[{]/.test(head)) return { kind: "json", what: "JSON", is: "other" };
  const isText = [...head].every((c) => (c >= " " || "\t\r\n".includes(c)) && c !== "\ufffd");
  if (isText) return { kind: "text", what: "text", is: "other" };
  return { kind: "unknown", what: "an unknown format", is: "other" };
}
