/**
 * Writes npz (format: npz.ts, zip.ts) as NumPy's `savez` does: arrays stored, not deflated, in the given order. Equal arrays give
 * equal bytes: the date of every entry is 1 January 1980, the first that zip knows.
 */
import { joinBytes } from "./joinBytes.ts";
import { npyHeader } from "./npy.ts";
import type { Zlib } from "./npz.ts";
import type { DeferredTensor } from "./writeSafetensors.ts";

const DATE = 0x21; // 1980-01-01
const VERSION = 45; // zip64
const UTF8 = 0x800;
const SATURATED = 0xffffffff;

/** Fields of 1, 2, 4 or 8 bytes, little-endian. */
function fields(...values: readonly (readonly [bytes: 2 | 4 | 8, value: number])[]): Uint8Array {
  const out = new Uint8Array(values.reduce((sum, [bytes]) => sum + bytes, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const [bytes, value] of values) {
    if (bytes === 2) view.setUint16(at, value, true);
    else if (bytes === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += bytes;
  }
  return out;
}

const joined = (...pieces: readonly Uint8Array[]): Uint8Array => joinBytes(pieces);

/** The bytes of an npz file in pieces, an array at a time. */
export function* npzPieces(
  tensors: ReadonlyMap<string, DeferredTensor>,
  { crc32 }: Pick<Zlib, "crc32">,
): Generator<Uint8Array> {
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [key, tensor] of tensors) {
    const name = new TextEncoder().encode(`${key}.npy`);
    const data = tensor.numbers();
    const head = npyHeader(tensor.dtype, tensor.shape);
    const body = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const size = head.length + body.length;
    const crc = crc32(body, crc32(head));
    const common = fields([2, UTF8], [2, 0], [2, 0], [2, DATE], [4, crc], [4, SATURATED], [4, SATURATED], [2, name.length]); // biome-ignore format: one record
    const sizes = [
      [8, size],
      [8, size],
    ] as const;
    const local = joined(
      fields([4, 0x04034b50], [2, VERSION]),
      common,
      fields([2, 20]),
      name,
      fields([2, 1], [2, 16], ...sizes),
    );
    directory.push(
      joined(
        fields([4, 0x02014b50], [2, VERSION], [2, VERSION]),
        common,
        fields([2, 28], [2, 0], [2, 0], [2, 0], [4, 0], [4, SATURATED]),
        name,
        fields([2, 1], [2, 24], ...sizes, [8, at]),
      ),
    );
    yield local;
    yield head;
    yield body;
    at += local.length + size;
  }
  const records = joined(...directory);
  yield records;
  const [count, end] = [directory.length, at + records.length];
  yield fields([4, 0x06064b50], [8, 44], [2, VERSION], [2, VERSION], [4, 0], [4, 0], [8, count], [8, count], [8, records.length], [8, at]); // biome-ignore format: one record
  yield fields([4, 0x07064b50], [4, 0], [8, end], [4, 1]);
  yield fields([4, 0x06054b50], [2, 0], [2, 0], [2, 0xffff], [2, 0xffff], [4, SATURATED], [4, SATURATED], [2, 0]);
}
