/**
 * The wire format of Protocol Buffers: a message is a list of fields, each a key (8·number + type, as a varint) and a value.
 *
 *   type 0  varint: 7 bits a byte, the lowest first      type 1  8 bytes
 *   type 2  a length as a varint, then as many bytes     type 5  4 bytes
 *
 * Groups (types 3 and 4) are refused; nobody has written them for many years. Source: protobuf.dev, "Encoding".
 */
import { FormatError } from "./formatError.ts";

/** The fields of one message, read in order. */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #end: number;
  #at: number;
  #fieldAt: number;
  #type = 0;

  constructor(bytes: Uint8Array, file: string, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
    this.#at = start;
    this.#fieldAt = start;
    this.#end = end;
  }

  /** The byte at which the field begins whose number `next` has returned. */
  get offset(): number {
    return this.#fieldAt;
  }

  /** The number of the next field, or undefined at the end of the message. Its value must be read or skipped. */
  next(): number | undefined {
    if (this.#at === this.#end) return undefined;
    this.#fieldAt = this.#at;
    const key = this.#varint();
    this.#type = Number(key & 7n);
    const number = Number(key >> 3n);
    if (number < 1 || number >= 2 ** 29) this.fail(`field number ${number} is not in 1..536870911`);
    return number;
  }

  /** An unsigned integer, or a signed one of 32 bits. */
  int32(): number {
    this.#require(0, "a varint");
    return Number(BigInt.asIntN(32, this.#varint()));
  }

  bool(): boolean {
    this.#require(0, "a varint");
    return this.#varint() !== 0n;
  }

  float(): number {
    this.#require(5, "a float");
    return this.#view.getFloat32(this.#take(4), true);
  }

  /** The bytes of a field, without a copy. */
  bytes(): Uint8Array {
    this.#require(2, "bytes");
    const [start, end] = this.#range();
    return this.#bytes.subarray(start, end);
  }

  /** A message within the message. */
  message(): ProtobufReader {
    this.#require(2, "a message");
    const [start, end] = this.#range();
    return new ProtobufReader(this.#bytes, this.#file, start, end);
  }

  /** Skips the value of a field of any type. */
  skip(): void {
    if (this.#type === 0) this.#varint();
    else if (this.#type === 1) this.#take(8);
    else if (this.#type === 2) this.#range();
    else if (this.#type === 5) this.#take(4);
    else this.fail(`wire type ${this.#type}, expected 0, 1, 2 or 5`);
  }

  fail(detail: string, code: "PROTOBUF" | "SENTENCEPIECE" | "TOKENIZER_UNSUPPORTED" = "PROTOBUF"): never {
    throw new FormatError(code, this.#file, this.#fieldAt, detail);
  }

  #require(type: number, what: string): void {
    if (this.#type !== type) this.fail(`wire type ${this.#type}, expected ${type} (${what})`);
  }

  #range(): readonly [number, number] {
    const length = this.#varint();
    if (length > BigInt(this.#end - this.#at)) {
      this.fail(`a field of ${length} bytes, but its message has only ${this.#end - this.#at} more`);
    }
    const start = this.#take(Number(length));
    return [start, this.#at];
  }

  /** Moves on by `count` bytes and returns where they begin. */
  #take(count: number): number {
    const start = this.#at;
    if (this.#end - start < count) this.fail("the message ends inside a field");
    this.#at += count;
    return start;
  }

  #varint(): bigint {
    let low = 0; // the first 28 bits, which are nearly always all
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#take(1)];
      low += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#take(1)];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value < 2n ** 64n ? value : this.fail("a varint of more than 64 bits");
    }
    return this.fail("a varint of more than 10 bytes");
  }
}

/** Writes the fields of one message; values are not checked. */
export class ProtobufWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  int32(number: number, value: number): this {
    return this.#key(number, 0).#varint(BigInt.asUintN(64, BigInt(value)));
  }

  bool(number: number, value: boolean): this {
    return this.int32(number, value ? 1 : 0);
  }

  float(number: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#key(number, 5).#push(bytes);
  }

  bytes(number: number, value: Uint8Array): this {
    return this.#key(number, 2).#varint(BigInt(value.length)).#push(value);
  }

  message(number: number, fields: ProtobufWriter): this {
    return this.bytes(number, fields.toBytes());
  }

  toBytes(): Uint8Array {
    const out = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  #key(number: number, type: number): this {
    return this.#varint(BigInt(number * 8 + type));
  }

  #varint(value: bigint): this {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
    return this.#push(Uint8Array.from(bytes));
  }

  #push(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }
}
