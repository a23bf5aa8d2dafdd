import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { describe, expect, it } from "vitest";
import { openFiles } from "../../src/data/filesOpen.ts";
import { PictureError } from "../../src/data/pictureError.ts";
import { storedIn } from "../../src/data/pictureForm.ts";
import { decodeInput, type PictureInput } from "../../src/data/pictureInput.ts";
import { openPreparer } from "../../src/data/preparer.ts";
import { huggingFacePreprocessing } from "../../src/data/preprocess/huggingFace.ts";

/** A picture of random pixels; every third is partly transparent. */
function png(content: number): Uint8Array {
  const [width, height, channels] = [5 + (content % 7), 6, content % 3 === 0 ? 4 : 3];
  const data = Uint8Array.from(
    { length: width * height * channels },
    (_, i) => (Math.imul(content * 1000 + i + 1, 2_654_435_761) >>> 24) & 255,
  );
  return encode({ width, height, channels, depth: 8, data });
}

const spec = huggingFacePreprocessing({ size: { height: 6, width: 9 } }, "test");
const inputs: readonly PictureInput[] = [
  { kind: "ink", side: 8, trim: true, stored: 12 },
  { kind: "preprocessed", spec },
];
const form = { kind: "ink", stored: 12, trim: false } as const;
/** So many files are worth threads. */
const MANY = 1000;

describe("a preparer of two threads", () => {
  it("makes the bytes that one thread makes, and leaves those that it is given as they are", async () => {
    const preparer = openPreparer(MANY, 2);
    const files = Array.from({ length: 12 }, (_, i) => png(i));
    const before = files.map((file) => Uint8Array.from(file));
    try {
      const found = await Promise.all(
        files.map(async (bytes, i) => [
          ...(await Promise.all(inputs.map((input) => preparer.input(input, bytes, `${i}.png`)))),
          await preparer.stored(form, bytes, `${i}.png`),
        ]),
      );
      for (const [i, bytes] of files.entries()) {
        const name = `${i}.png`;
        for (const [k, input] of inputs.entries()) {
          expect(found[i][k]).toEqual(await decodeInput(input, bytes, name));
        }
        expect(found[i][inputs.length]).toEqual(await storedIn(form, bytes, name));
      }
    } finally {
      await preparer.close();
    }
    expect(files).toEqual(before);
  });

  it("refuses a damaged file with its name, and prepares those after it", async () => {
    const preparer = openPreparer(MANY, 2);
    try {
      const [input] = inputs;
      const refused = preparer.input(input, png(1).subarray(0, 50), "cut.png").catch((error: unknown) => error);
      const others = await Promise.all([2, 3, 4].map((i) => preparer.input(input, png(i), `${i}.png`)));
      expect(await refused).toBeInstanceOf(PictureError);
      expect(await refused).toMatchObject({ kind: "damaged", message: expect.stringMatching(/cut\.png.*damaged/) });
      expect(others.map(({ pixels }) => pixels.length)).toEqual([192, 192, 192]);
    } finally {
      await preparer.close();
    }
  });

  it("throws what goes wrong in a thread, and goes on", async () => {
    const preparer = openPreparer(MANY, 2);
    try {
      const wrong = { kind: "preprocessed", spec: { ...spec, steps: undefined } } as unknown as PictureInput;
      await expect(preparer.input(wrong, png(1), "1.png")).rejects.toThrow(TypeError);
      await expect(preparer.input(inputs[1], png(1), "1.png")).resolves.toMatchObject({ cutOff: 0 });
    } finally {
      await preparer.close();
    }
  });

  it("gives up what it has not finished when it is closed, and refuses later files", async () => {
    const preparer = openPreparer(MANY, 2);
    const begun = Array.from({ length: 20 }, (_, i) => preparer.input(inputs[0], png(i), `${i}.png`));
    const ends = Promise.allSettled(begun);
    await Promise.race(begun);
    await preparer.close();
    expect((await ends).at(-1)).toMatchObject({ status: "rejected" });
    await expect(preparer.input(inputs[0], png(0), "0.png")).rejects.toThrow(/closed/);
  });

  it("does not keep a process alive that forgets to close it", () => {
    const from = new URL("../../src/data/preparer.ts", import.meta.url);
    const program = `import { openPreparer } from ${JSON.stringify(from)};
      const bytes = new Uint8Array(${JSON.stringify([...png(2)])});
      const { pixels } = await openPreparer(${MANY}, 2).input(${JSON.stringify(inputs[1])}, bytes, "2.png");
      console.log(pixels.length);`;
    const folder = mkdtempSync(join(tmpdir(), "siglip-preparer-"));
    try {
      writeFileSync(join(folder, "program.mjs"), program);
      const out = execFileSync(process.execPath, [join(folder, "program.mjs")], { timeout: 60_000 });
      expect(Number(out)).toBe(6 * 9 * 3);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

it("a folder has the same pictures and the same bad images, however many threads decode it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "siglip-preparer-"));
  try {
    for (let i = 0; i < MANY + 6; i++) {
      writeFileSync(join(folder, `${i}.png`), i === 40 ? png(i).subarray(0, 60) : png(i));
      writeFileSync(join(folder, `${i}.txt`), `picture ${i}`);
    }
    const open = async (threads: number) => {
      const { items, bad, picture } = await openFiles({
        ...{ path: folder, image: "auto", text: "auto", allowBad: 0.1, form, threads },
      });
      const named = bad.map(({ where, reason }) => [where, reason.replace(/ \(.*\)/, "")]); // the library's words vary
      return { items, named, pictures: items.map((_, i) => picture(i)) };
    };
    const one = await open(1);
    expect(one.named).toEqual([["40.png", expect.stringMatching(/40\.png.*damaged or cut short/)]]);
    expect(await open(2)).toEqual(one);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
