import { describe, expect, it } from "vitest";
import type { PictureSet } from "../../src/data/index.ts";
import { retrieval } from "../../src/eval/index.ts";
import { type Evaluation, evaluateSet, evaluationJson, evaluationTable } from "../../src/run/evaluation.ts";
import { Rng } from "../../src/tensor/index.ts";

it("the table names the direction of every row, also for pixels, and says what one of few pictures is", () => {
  const recall = (textToImage: number, imageToText: number) => [{ k: 1, textToImage, imageToText }];
  const evaluation: Evaluation = {
    name: "set",
    title: "a set",
    images: 4,
    texts: 4,
    recall: recall(0.5, 0.25),
    chance: recall(0.25, 0.25),
    pixels: recall(0.111, 0.75),
  };
  expect(evaluationTable([evaluation])).toBe(
    [
      "a set: 4 pictures, 4 texts; one picture is 25.0 %",
      "                                  R@1",
      "  text → picture               50.0 %",
      "  picture → text               25.0 %",
      "  picture → text by pixels     75.0 %",
      "  chance                       25.0 %",
    ].join("\n"),
  );
});

describe("a test set in several languages", () => {
  const [images, d] = [20, 3];
  const languages = ["zh", "en", "ru", "zh-hant"];
  const rng = new Rng(3);
  const random = (rows: number): Float32Array => Float32Array.from({ length: rows * d }, () => rng.normal());
  const [zimg, ztxt] = [random(images), random(languages.length * images)];
  const owner = Int32Array.from({ length: languages.length * images }, (_, j) => j % images);
  const pictures: PictureSet = {
    count: images,
    side: 1,
    pixels: () => new Float32Array(),
    texts: Array.from(owner, String),
    owner,
    languages: languages.flatMap((language) => new Array<string>(images).fill(language)),
    names: [],
    rgb: () => new Uint8Array(),
  };
  const test = { name: "set", title: "a set", pictures, trainedLanguages: ["zh", "en", "ru"], known: [] };
  let beats = 0;
  const evaluation = evaluateSet({ test, zimg, ztxt }, () => beats++);
  const alone = languages.map((_, l) =>
    retrieval(zimg, ztxt.subarray(l * images * d, (l + 1) * images * d), owner.subarray(0, images)),
  );

  it("has the mean recall of the trained languages, each tested by itself", () => {
    for (const direction of ["textToImage", "imageToText"] as const) {
      const means = [0, 1, 2].map(
        (k) => alone.slice(0, 3).reduce((sum, { recall }) => sum + recall[k][direction], 0) / 3,
      );
      evaluation.recall.forEach((row, k) => {
        expect(row[direction]).toBeCloseTo(means[k], 12);
      });
    }
    const byLanguage = new Map(evaluation.languages!.map((row) => [row.language, row]));
    languages.forEach((language, l) => {
      expect(byLanguage.get(language)!.recall).toEqual(alone[l].recall);
    });
  });

  it("lists the languages of a script together, with their own names, and marks those that training never saw", () => {
    expect(
      evaluation.languages!.map(({ language, name, ownName, script, trained }) => [
        language,
        name,
        ownName,
        script,
        trained,
      ]),
    ).toEqual([
      ["zh", "Chinese", "中文", "Han", true],
      ["zh-hant", "Traditional Chinese", "繁體中文", "Han", false],
      ["en", "English", "English", "Latin", true],
      ["ru", "Russian", "русский", "Cyrillic", true],
    ]);
    const table = evaluationTable([evaluation]);
    expect(table).toContain("20 pictures, 80 texts in 4 languages; means over those of training");
    expect(table).toMatch(/zh-hant {2}Traditional Chinese .*Han, never trained on/);
    expect(table).toMatch(/mean of 3 .*all trained/);
    expect(table).toMatch(/mean of 1 .*never trained on/);
  });

  it("gives a heartbeat for each language", () => {
    expect(beats).toBe(languages.length);
  });

  it("has a row for each language in JSON", () => {
    const json = JSON.parse(JSON.stringify(evaluationJson(evaluation)));
    expect(json.languages.map(({ language }: { language: string }) => language)).toEqual(["zh", "zh-hant", "en", "ru"]);
    expect(json.languages[1]).toMatchObject({
      script: "Han",
      trained: false,
      textToImage: { r1: alone[3].recall[0].textToImage },
    });
  });

  it("in one language has no table of languages", () => {
    const one = {
      ...pictures,
      texts: pictures.texts.slice(0, images),
      owner: owner.subarray(0, images),
      languages: new Array<string>(images).fill("zh"),
    };
    const single = evaluateSet({
      test: { ...test, pictures: one, trainedLanguages: ["zh"] },
      zimg,
      ztxt: ztxt.subarray(0, images * d),
    });
    expect(single).toEqual({ name: "set", title: "a set", ...alone[0] });
  });
});
