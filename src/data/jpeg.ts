/**
 * Repairs faults in JPEG files that do not affect any pixel, as some cameras and programs write them.
 *
 *   FFD8  (FFxx length payload)*  FFDA length payload  entropy-coded data  FFD9
 *
 * Decoders read such files without loss and only warn. But the same warnings also mean damage, so a strict reader refuses both.
 * Repaired here: bytes between two segments, a spectral selection that ends at 0 in a sequential scan, a JFIF major version
 * other than 1, and a missing end marker.
 *
 * ITU-T T.81, annex B.
 */

const [SOF0, SOF1, EOI, SOS, APP0] = [0xc0, 0xc1, 0xd9, 0xda, 0xe0];

/** A repaired file. */
export interface MendedJpeg {
  readonly bytes: Uint8Array;
  /** Whether the end marker was missing: the file may be truncated, which only a full decode shows. */
  readonly endAdded: boolean;
}

/** Repairs a file; returns the same bytes if it has no fault or its headers cannot be parsed. */
export function mendJpeg(bytes: Uint8Array): MendedJpeg {
  const unchanged = { bytes, endAdded: false };
  const parts: Uint8Array[] = [bytes.subarray(0, 2)];
  let components = 0; // of a sequential frame; scans of other frames are not changed
  let changed = false;
  let at = 2;
  for (;;) {
    const start = at;
    while (at < bytes.length && (bytes[at] !== 0xff || bytes[at + 1] === 0xff)) at++;
    changed ||= at > start;
    if (at + 4 > bytes.length) return unchanged;
    const [marker, length] = [bytes[at + 1], bytes[at + 2] * 256 + bytes[at + 3]];
    if (length < 2 || at + 2 + length > bytes.length) return unchanged;
    const segment = Uint8Array.from(bytes.subarray(at, at + 2 + length));
    at += 2 + length;
    parts.push(segment);
    if ((marker === SOF0 || marker === SOF1) && length >= 8) components = segment[9];
    if (marker === APP0 && isJfif(segment) && segment[9] !== 1) {
      segment[9] = 1;
      changed = true;
    }
    if (marker !== SOS) continue;
    const sequential = components > 0 && segment[4] === components; // all components in one scan
    if (sequential && segment[length] === 0) {
      segment[length] = 63;
      changed = true;
    }
    const endAdded = sequential && !hasEnd(bytes, at);
    if (!changed && !endAdded) return unchanged;
    parts.push(bytes.subarray(at), Uint8Array.from(endAdded ? [0xff, EOI] : []));
    return { bytes: Buffer.concat(parts), endAdded };
  }
}

/** Coded data, any but the zeros with which decoders replace missing data; two, since one may be decoded alike by chance. */
const EXCESS = [
  [0x5a, 0xc3],
  [0xa5, 0x3c],
];

/** A file whose end marker was added, with more coded data before it, in two ways: decoded alike only if no data is missing. */
export function withExcessData(bytes: Uint8Array): Uint8Array[] {
  const data = bytes.subarray(0, -2);
  const half = data[data.length - 1] === 0xff ? [0] : []; // half a marker, or half of a byte FF, which is coded as FF 00
  return EXCESS.map((pair) => {
    const excess = Array.from({ length: 16 }, () => pair).flat();
    return Buffer.concat([data, Uint8Array.from([...half, ...excess]), bytes.subarray(-2)]);
  });
}

/** FF E0, length, "JFIF", 0, major version. */
const isJfif = (segment: Uint8Array): boolean =>
  segment.length > 9 && [0x4a, 0x46, 0x49, 0x46, 0].every((byte, i) => segment[4 + i] === byte);

/** Whether there is an end marker: in entropy-coded data, FF is followed by 0 or a restart marker. */
function hasEnd(bytes: Uint8Array, from: number): boolean {
  for (let at = from; ; at++) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) return false;
    if (bytes[at + 1] === EOI) return true;
  }
}
