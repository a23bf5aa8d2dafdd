/** `siglip classify`: which of these labels describes this picture? */
import { existsSync } from "node:fs";
import { classEmbeddings, nearest } from "../eval/index.ts";
import { printable } from "../formats/index.ts";
import { checkTexts, embedTexts, type OpenModel, openModel, PICTURE_NAME } from "../run/index.ts";
import { givenPictures } from "./givenPictures.ts";
import { print, warn } from "./print.ts";
import { usageError } from "./usageError.ts";

export interface ClassifyOptions {
  /** Separated by commas. */
  readonly labels?: string;
  readonly template: readonly string[];
  readonly json?: boolean;
}

/** `rest`: labels, or with `--labels` more pictures. */
export async function classify(
  path: string,
  picture: string,
  rest: readonly string[],
  { labels: listed, template, json = false }: ClassifyOptions,
): Promise<void> {
  const labels = listed === undefined ? rest : listed.split(",").map((label) => label.trim());
  const paths = listed === undefined ? [picture] : [picture, ...rest];
  if (labels.length === 0) throw usageError("--labels", 'no labels; give them as words, or as --labels "a cat,a dog"');
  const file = listed === undefined ? labels.find((label) => PICTURE_NAME.test(label) && existsSync(label)) : undefined;
  if (file !== undefined) {
    const how = 'give the labels of several pictures as --labels "a cat,a dog"';
    throw usageError("--labels", `${printable(file)} is a picture, not a label; ${how}`);
  }
  const templates = template.length > 0 ? template : ["{}"];
  const without = templates.find((each) => !each.includes("{}"));
  if (without !== undefined) {
    throw usageError("--template", `--template "${without}" has no {}, where the label goes; write "a photo of a {}"`);
  }
  const model = openModel(path, warn);
  const classes = embedLabels(model, labels, templates);
  const { names, zimg } = await givenPictures("classify", paths, model);
  const d = model.embedDim;
  for (const [i, name] of names.entries()) {
    const ranking = nearest(zimg.subarray(i * d, (i + 1) * d), classes, labels.length);
    const { name: meaning, values } = model.meaning(ranking.map(({ score }) => score));
    const results = ranking.map(({ index, score }, place) => ({
      ...{ rank: place + 1, text: labels[index], score },
      [meaning]: values[place],
    }));
    if (json) print(JSON.stringify({ picture: name, results }));
    else print(table(names.length > 1 ? name : undefined, results, meaning));
  }
  if (!json && model.meaning([0]).name === "probability") {
    print("each probability is about one label by itself, so they need not sum to 1; ranks compare labels");
  }
}

interface Result {
  readonly rank: number;
  readonly text: string;
  readonly score: number;
  readonly probability?: number;
  readonly share?: number;
}

/** The labels of a picture, best first, under its name if there is one. */
function table(name: string | undefined, results: readonly Result[], meaning: "probability" | "share"): string {
  const columns = Math.max(...results.map(({ text }) => printable(text).length));
  const lines = results.map(({ rank, text, score, [meaning]: value = 0 }) => {
    const label = printable(text).padEnd(columns);
    return `${String(rank).padStart(3)}  ${label}  score ${score.toFixed(3).padStart(6)}  ${meaning} ${value.toFixed(4)}`;
  });
  return [...(name === undefined ? [] : [printable(name)]), ...lines].join("\n");
}

/** A unit row for each label: the embedding of its text, or the mean direction of its texts in several templates. */
function embedLabels(
  model: OpenModel,
  labels: readonly string[],
  templates: readonly string[],
): Float32Array | Float64Array {
  const { tokenizer, textLength } = model;
  for (const warning of checkTexts("classify: the label", tokenizer, labels, textLength)) warn(warning);
  const texts = labels.flatMap((label) => templates.map((template) => template.replaceAll("{}", label)));
  for (const [i, j] of sameTexts(model, texts)) {
    warn(`classify: "${texts[i]}" and "${texts[j]}" are the same tokens to the model, so their scores are equal`);
  }
  const ztxt = embedTexts(model, tokenizer, texts, textLength);
  if (templates.length === 1) return ztxt;
  return classEmbeddings(
    ztxt,
    texts.map((_, i) => Math.floor(i / templates.length)),
    labels.length,
  );
}

/** Texts with the tokens of an earlier one, as [earlier, later]. */
function sameTexts({ tokenizer, textLength }: OpenModel, texts: readonly string[]): [number, number][] {
  const first = new Map<string, number>();
  return texts.flatMap((text, i): [number, number][] => {
    const ids = tokenizer.encode(text, textLength).join();
    const earlier = first.get(ids);
    if (earlier !== undefined) return [[earlier, i]];
    first.set(ids, i);
    return [];
  });
}
