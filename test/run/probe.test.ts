import { describe, expect, it } from "vitest";
import { captionOf, type EmojiStyle, emojiList, SHAPES, sceneOf, scenesOf } from "../../src/data/index.ts";
import { STORED_BYTES } from "../../src/data/storedPicture.ts";
import { resolveConfig } from "../../src/run/config.ts";
import type { ProbeData } from "../../src/run/dataSet.ts";
import { openProbe } from "../../src/run/dataSets.ts";
import { embedPictures, imageFeatures } from "../../src/run/embed.ts";
import { probeTable } from "../../src/run/probe.ts";
import { SigLip, sidesOf } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { TINY, tinyBatch, tinyModel } from "../support/tinyModel.ts";

/** The cosine of row i of two arrays of rows. */
function cosine(x: Float32Array, y: Float32Array, i: number, d: number): number {
  let [xy, xx, yy] = [0, 0, 0];
  for (let k = i * d; k < (i + 1) * d; k++) {
    xy += x[k] * y[k];
    xx += x[k] * x[k];
    yy += y[k] * y[k];
  }
  return xy / Math.sqrt(xx * yy);
}

describe("imageFeatures", () => {
  const [side] = sidesOf(TINY.image);
  const stride = side * side * 3;
  const all = tinyBatch(5).images;
  const pictures = { count: 5, side, pixels: (from = 0, end = 5) => all.subarray(from * stride, end * stride) };

  it("are, in a tower without a head, the embeddings before normalization", () => {
    const model = tinyModel();
    const [features, embeddings] = [imageFeatures(model, pictures), embedPictures(model, pictures)];
    expect(features).toHaveLength(embeddings.length);
    for (let i = 0; i < 5; i++) expect(cosine(features, embeddings, i, TINY.embedDim)).toBeCloseTo(1, 6);
    expect(Math.hypot(...features.subarray(0, TINY.embedDim))).not.toBeCloseTo(1, 2);
  });

  it("have the width of the tower, whatever the width of the embeddings", () => {
    const model = new SigLip(new Rng(1), { ...TINY, embedDim: 4 });
    expect(imageFeatures(model, pictures)).toHaveLength(5 * TINY.image.width);
  });

  it("come after the tanh layer of a tower that has one, as big_vision's pre_logits", () => {
    const model = new SigLip(new Rng(1), { ...TINY, image: { ...TINY.image, repSize: 6 }, embedDim: 4 });
    const features = imageFeatures(model, pictures);
    expect(features).toHaveLength(5 * 6);
    expect(Math.max(...features.map(Math.abs))).toBeLessThan(1);
  });
});

describe("openProbe", () => {
  /** Blank drawings: classes do not depend on them. */
  const blank = async () => {
    const bytes = new Uint8Array(new SharedArrayBuffer((await emojiList()).length * STORED_BYTES));
    const styles: EmojiStyle[] = ["noto", "twemoji", "fluent", "openmoji"];
    return new Map(styles.map((style) => [style, bytes]));
  };
  const groupsOf = ({ classes }: ProbeData, { labels, pictures }: ProbeData["test"]) =>
    new Map(pictures.names.map((name, i) => [name, classes[labels[i]]]));

  it("classifies emoji by Unicode's group, learned in the training styles and tested in the test style", async () => {
    const data = (await openProbe(resolveConfig("emoji-paper", []), { rendered: await blank() }))!;
    expect(data.classes).toHaveLength(9);
    expect(data.train).toHaveLength(3);
    for (const part of [...data.train, data.test]) {
      const groups = groupsOf(data, part);
      expect(groups.size).toBe(1594);
      expect(groups.get("red heart")).toBe("smileys-emotion");
      expect(groups.get("woman astronaut")).toBe("people-body");
      expect(groups.get("owl")).toBe("animals-nature");
      expect(groups.get("hammer")).toBe("objects");
    }
  });

  it("tests on the emoji that a run held out, and learns from none of them", async () => {
    const data = (await openProbe(resolveConfig("emoji-unseen", []), { rendered: await blank() }))!;
    const tested = groupsOf(data, data.test);
    expect(tested.size).toBe(160);
    for (const part of data.train) {
      expect(part.pictures.names).toHaveLength(1594 - 160);
      expect(part.pictures.names.filter((name) => tested.has(name))).toEqual([]);
    }
  });

  it("classifies scenes by the shape of their first thing", async () => {
    const data = (await openProbe(resolveConfig("shapes", []), {}))!;
    const scenes = new Map(
      [...scenesOf("train"), ...scenesOf("unseen")].map((id) => [captionOf(sceneOf(id)), sceneOf(id)]),
    );
    expect(data.classes).toEqual(SHAPES);
    for (const { pictures, labels } of [...data.train, data.test]) {
      expect(pictures.texts.map((text) => scenes.get(text)?.first.shape)).toEqual(
        [...labels].map((label) => SHAPES[label]),
      );
    }
  });
});

it("the table has a column per number of shots", () => {
  const accuracies = (mean: number) => [1, 25].map((shots) => ({ shots, accuracy: { mean: mean * shots, seeds: [] } }));
  const result = {
    title: "kind of a thing",
    classes: ["a", "b"],
    images: 4,
    model: accuracies(0.03),
    pixels: accuracies(0.02),
  };
  expect(probeTable(result)).toBe(
    [
      "few-shot probe, kind of a thing: 2 classes, 4 pictures",
      "  pictures per class                 1        25",
      "  accuracy, mean of 3 seeds      3.0 %    75.0 %",
      "  accuracy by pixels             2.0 %    50.0 %",
      "  chance                        50.0 %    50.0 %",
    ].join("\n"),
  );
});
