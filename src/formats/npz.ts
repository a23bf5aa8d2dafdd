/**
 * npz: several arrays of NumPy in a zip file, as big_vision saves its parameters. Zip: zip.ts; array: npy.ts.
 *
 * CRC-32 and inflation are passed in (`Zlib`): Node has both, and this folder imports nothing from it.
 */
import type { ByteSource } from "./byteSource.ts";
import { FormatError, quote } from "./formatError.ts";
import { NPY_HEAD, type NpyHeader, npyTensor, readNpyHeader } from "./npy.ts";
import type { SafetensorsTensor } from "./safetensors.ts";
import { checkRange, type TensorEntry, type TensorSource } from "./tensorSource.ts";
import { readZipDirectory, type ZipEntry } from "./zip.ts";

/** What npz needs of zlib; `node:zlib` has both. */
export interface Zlib {
  /** CRC-32 of bytes; `before` is that of the bytes before them. */
  crc32(bytes: Uint8Array, before?: number): number;
  /**
   * Inflates a raw deflate stream to at most `limit` bytes; `consumed` bytes are its own. Throws an error with code
   * `ERR_BUFFER_TOO_LARGE` if it is longer, any other if it is damaged.
   */
  inflateRaw(bytes: Uint8Array, limit: number): { readonly bytes: Uint8Array; readonly consumed: number };
}

const SUFFIX = ".npy";

/**
 * The arrays of an npz file, by name without `.npy`. Reads and checks the directory and all headers of arrays; an array's CRC is
 * checked when it is read. Throws `FormatError`.
 */
export function openNpz(source: ByteSource, zlib: Zlib): TensorSource {
  const file = source.name;
  const entries = new Map<string, TensorEntry & { readonly zip: ZipEntry; readonly header: NpyHeader }>();
  for (const [path, zip] of readZipDirectory(source)) {
    if (!path.endsWith(SUFFIX)) {
      throw new FormatError(
        "ZIP_UNSUPPORTED",
        file,
        zip.begin,
        `${quote(path)} is not an array; expected names with ${SUFFIX}`,
      );
    }
    const head =
      zip.method === 0
        ? source.read(zip.begin, zip.begin + Math.min(zip.size, NPY_HEAD))
        : contentsOf(source, zip, zlib).subarray(0, NPY_HEAD);
    const header = readNpyHeader(head, file, zip.begin);
    if (header.dataBegin + header.dataLength !== zip.size) {
      const detail = `${quote(path)}, ${header.dtype} [${header.shape}], takes ${header.dataLength} bytes, but ${zip.size - header.dataBegin} follow its header`;
      throw new FormatError("NPY_DATA_LENGTH", file, zip.begin, detail);
    }
    entries.set(path.slice(0, -SUFFIX.length), { dtype: header.dtype, shape: header.shape, zip, header });
  }
  // Parts of one array are read one after another: the last array is kept.
  let last: { readonly name: string; readonly tensor: SafetensorsTensor } | undefined;
  return {
    entries,
    read(name, begin, end) {
      checkRange(this, name, begin, end);
      if (last?.name !== name) {
        const { zip, header } = entries.get(name)!;
        const bytes = contentsOf(source, zip, zlib);
        last = { name, tensor: npyTensor(header, bytes.subarray(header.dataBegin), file, zip.begin) };
      }
      const { dtype, data } = last.tensor;
      return { dtype, shape: [end - begin], data: data.slice(begin, end) };
    },
  };
}

/** The bytes of an entry, inflated; their number and CRC are those of the directory. */
function contentsOf(
  source: ByteSource,
  { name, method, begin, compressedSize, size, crc }: ZipEntry,
  zlib: Zlib,
): Uint8Array {
  const stored = source.read(begin, begin + compressedSize);
  const bytes = method === 0 ? stored : inflate(stored);
  if (zlib.crc32(bytes) !== crc) {
    throw new FormatError(
      "ZIP_CRC",
      source.name,
      begin,
      `the data of ${quote(name)} are damaged: their CRC-32 differs`,
    );
  }
  return bytes;

  function inflate(deflated: Uint8Array): Uint8Array {
    const fail = (code: "ZIP_BOMB" | "ZIP_DEFLATE" | "ZIP_SIZE_MISMATCH", detail: string) =>
      new FormatError(code, source.name, begin, `${quote(name)}: ${detail}`);
    let inflated: ReturnType<Zlib["inflateRaw"]>;
    try {
      inflated = zlib.inflateRaw(deflated, size);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ERR_BUFFER_TOO_LARGE")
        throw fail("ZIP_DEFLATE", `${(error as Error).message}`);
      throw fail("ZIP_BOMB", `it inflates to more than the ${size} bytes of the directory`);
    }
    if (inflated.bytes.length !== size || inflated.consumed !== compressedSize) {
      const detail = `${inflated.consumed} of ${compressedSize} bytes inflate to ${inflated.bytes.length}, expected ${size}`;
      throw fail("ZIP_SIZE_MISMATCH", detail);
    }
    return inflated.bytes;
  }
}
