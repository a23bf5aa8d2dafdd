/** Writes tar archives for tests, also wrong ones. */
const encoder = new TextEncoder();

/** A member as it is written. */
export interface Written {
  readonly name: string;
  readonly data?: string | Uint8Array;
  readonly type?: string;
  /** Raw bytes of the size field. */
  readonly size?: string | Uint8Array;
  readonly signed?: boolean;
}

/** A header and its contents, as POSIX has them. */
export function member({ name, data = "", type = "0", size, signed = false }: Written): Uint8Array {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  const out = new Uint8Array(512 + Math.ceil(bytes.length / 512) * 512);
  const put = (at: number, value: string | Uint8Array): void =>
    out.set(typeof value === "string" ? encoder.encode(value) : value, at);
  put(0, name);
  put(100, "0000644\0");
  put(124, size ?? `${bytes.length.toString(8).padStart(11, "0")}\0`);
  put(156, type);
  put(257, "ustar\x0000");
  out.fill(32, 148, 156);
  const sum = out.subarray(0, 512).reduce((all, byte) => all + (signed && byte > 127 ? byte - 256 : byte), 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  out.set(bytes, 512);
  return out;
}

const END = new Uint8Array(1024);

/** One array after the other. */
export const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

/** An archive of these members. */
export const archive = (...members: readonly Written[]): Uint8Array => joined(...members.map(member), END);
