/** Archives as tools write them, and malformed ones: read, or refused with the place; nothing is allocated by an unchecked number. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, readTar, sourceOfBytes, type TarMember, type TarSkipped } from "../../src/formats/index.ts";
import { archive, joined, member, type Written } from "../support/tarArchive.ts";

const encoder = new TextEncoder();
const END = new Uint8Array(1024);

const read = (bytes: Uint8Array): (TarMember | TarSkipped)[] => [...readTar(sourceOfBytes(bytes, "a.tar"))];

/** Names with contents, or with the reason why a member is skipped. */
function contents(bytes: Uint8Array): string[] {
  return read(bytes).map((each) =>
    "skipped" in each
      ? `${each.name}: ${each.skipped}`
      : `${each.name} = ${new TextDecoder().decode(bytes.subarray(each.begin, each.end))}`,
  );
}

/** A pax header with these records. */
const pax = (...records: readonly string[]): Written => ({ name: "pax", type: "x", data: records.join("") });

/** A record with its length, which counts its own digits. */
function record(key: string, value: string): string {
  const rest = encoder.encode(` ${key}=${value}\n`).length;
  const digits = [1, 2, 3].find((count) => String(rest + count).length === count)!;
  return `${rest + digits} ${key}=${value}\n`;
}

const [one, two] = [{ name: "a.txt", data: "one" }, { name: "b.txt", data: "two" }]; // biome-ignore format: a line

describe("readTar", () => {
  it("gives names and places of the members of any archive", () => {
    const members = fc.array(
      fc.record({ name: fc.stringMatching(/^[a-z0-9./]{1,90}$/), data: fc.uint8Array({ maxLength: 1200 }) }),
    );
    fc.assert(
      fc.property(members, (written) => {
        const bytes = archive(...written);
        const found = read(bytes) as TarMember[];
        expect(found.map(({ name, begin, end }) => [name, [...bytes.subarray(begin, end)]])).toEqual(
          written.map(({ name, data }) => [name, [...data]]),
        );
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ["without the zeros at the end", joined(member(one), member(two))],
    ["with one block of zeros", joined(member(one), member(two), new Uint8Array(512))],
    ["with sizes between spaces", archive({ ...one, size: "        3 \0" }, two)],
    ["with a size in base 256", archive({ ...one, size: Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3) }, two)],
    ["with folders", archive({ name: "dir/", type: "5" }, one, two)],
    ["of the old kind", archive({ ...one, type: "\0" }, two)],
    ["with a global pax header", archive({ name: "g", type: "g", data: record("comment", "x") }, one, two)],
  ])("reads an archive %s", (_, bytes) => {
    expect(contents(bytes)).toEqual(["a.txt = one", "b.txt = two"]);
  });

  it("reads a signed checksum of a name beyond ASCII", () => {
    expect(contents(archive({ name: "größe.txt", data: "x", signed: true }))).toEqual(["größe.txt = x"]);
  });

  it("takes path and size from a pax header, and a long name from GNU's, for the next member alone", () => {
    const long = "d/".repeat(100);
    const bytes = archive(pax(record("path", `${long}a`), record("size", "3")), { ...one, size: "00000000000\0" }, two, { name: "x", type: "L", data: `${long}b\0` }, two); // biome-ignore format: a line
    expect(contents(bytes)).toEqual([`${long}a = one`, "b.txt = two", `${long}b = two`]);
  });

  it("reports links, devices, FIFOs, unknown kinds and what follows the end, and reads on", () => {
    const special = ["1", "2", "3", "4", "6", "S"].map((type) => ({ name: `kind ${type}`, type }));
    const bytes = joined(archive(...special, one), Uint8Array.of(0, 7));
    expect(contents(bytes)).toEqual([
      "kind 1: a hard link",
      "kind 2: a symbolic link",
      "kind 3: a character device",
      "kind 4: a block device",
      "kind 6: a FIFO",
      'kind S: of the type "S"',
      "a.txt = one",
      expect.stringMatching(/bytes after the end of the archive, from byte \d+/),
    ]);
  });

  it("takes names as keys only: they reach no file system, and no prototype", () => {
    const names = ["../x", "/abs", "C:\\x", ".", "__proto__", "\u001b[31m"];
    expect(read(archive(...names.map((name) => ({ name, data: "x" })))).map(({ name }) => name)).toEqual(names);
  });

  const damaged = member(one);
  damaged[3] ^= 1;
  const huge = `${(10 * 2 ** 30).toString(8)}\0`.padStart(12, "0");
  it.each([
    ["no bytes", new Uint8Array(0), "TAR_TRUNCATED"],
    ["511 bytes", member(one).subarray(0, 511), "TAR_TRUNCATED"],
    ["a last member that is cut short", joined(member(one), member(two).subarray(0, 514)), "TAR_TRUNCATED"],
    ["a member of 10 GB", archive({ ...one, size: huge }), "TAR_TRUNCATED"],
    ["a damaged header", joined(damaged, END), "TAR_CHECKSUM"],
    ["a text in place of an archive", encoder.encode("x".repeat(600)), "TAR_CHECKSUM"],
    ["a size that is no octal number", archive({ ...one, size: "9x\0" }), "TAR_SIZE"],
    ["a negative size in base 256", archive({ ...one, size: new Uint8Array(12).fill(255) }), "TAR_SIZE"],
    ["a size beyond 2^53", archive({ ...one, size: Uint8Array.of(0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) }), "TAR_SIZE"],
    ["a pax record of a wrong length", archive(pax("8 path=a\n"), one), "TAR_PAX"],
    ["a pax record beyond its header", archive(pax("99 path=a\n"), one), "TAR_PAX"],
    ["a pax record without a line break", archive(pax("9 path=ab"), one), "TAR_PAX"],
    ["a pax record without =", archive(pax("7 path\n"), one), "TAR_PAX"],
    ["a pax record without a length", archive(pax("path=a\n"), one), "TAR_PAX"],
    ["a pax path with a zero", archive(pax(record("path", "a\0b")), one), "TAR_PAX"],
    ["a negative pax size", archive(pax(record("size", "-1")), one), "TAR_PAX"],
    ["a pax size beyond 2^53", archive(pax(record("size", "9007199254740993")), one), "TAR_PAX"],
    ["two pax headers for one member", archive(pax(record("path", "a")), pax(record("path", "b")), one), "TAR_PAX"],
    ["a pax header of more than 1 MiB", archive({ ...pax(), data: new Uint8Array(2 ** 20 + 1) }, one), "TAR_PAX"],
    ["two long names for one member", archive({ name: "x", type: "L", data: "a" }, { name: "x", type: "L", data: "b" }, one), "TAR_LONGNAME"],
    ["a long name of more than 1 MiB", archive({ name: "x", type: "L", data: new Uint8Array(2 ** 20 + 1) }, one), "TAR_LONGNAME"],
    ["a long name without a member", archive({ name: "x", type: "L", data: "a" }), "TAR_TRUNCATED"],
  ])("refuses %s", (_, bytes, code) => {
    expect(() => read(bytes)).toThrow(expect.objectContaining({ name: "FormatError", code, file: "a.tar" }));
  }); // biome-ignore format: a case a line

  it("reads or refuses every truncation and every damaged byte of an archive", () => {
    const bytes = archive(pax(record("path", "long")), one, two);
    const attempt = (each: Uint8Array): void => {
      try {
        for (const found of read(each)) if (!("skipped" in found)) expect(found.end).toBeLessThanOrEqual(each.length);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    };
    for (let length = 0; length < bytes.length; length += 7) attempt(bytes.subarray(0, length));
    for (let at = 0; at < bytes.length; at += 3) {
      const changed = Uint8Array.from(bytes);
      changed[at] ^= 0x80;
      attempt(changed);
    }
  });
});
