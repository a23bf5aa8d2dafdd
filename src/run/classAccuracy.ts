/** The accuracy of a classifier on labelled images: the figures, and the table for people. */
import { alone } from "../parallel/index.ts";
import type { AccuracyTable } from "../report/index.ts";
import { argmax, type Classifier } from "../siglip/index.ts";
import type { Classes, LabelledPictures, ProbeData } from "./dataSet.ts";
import { classLogits } from "./embed.ts";

/** Accuracy on the test sets of a run. The devices share the work, and all get the result. */
export function testClassifier(model: Classifier, data: ProbeData, comm = alone): AccuracyTable[] {
  const { classes, title, test, others = [] } = data;
  return [{ title, ...test }, ...others].map(({ title, ...set }) => ({
    title,
    classes: classes.length,
    images: set.labels.length,
    accuracy: accuracyOn(model, set, comm),
    mostFrequent: Math.max(...frequencies(set.labels, classes.length)),
  }));
}

function accuracyOn(model: Classifier, { pictures, labels }: LabelledPictures, comm: typeof alone): number {
  const logits = classLogits(model, pictures, comm);
  const classes = logits.length / labels.length;
  const right = labels.filter((label, i) => argmax(logits, i * classes, classes) === label);
  return right.length / labels.length;
}

/** The share of each class. */
function frequencies(labels: Int32Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) if (label >= 0) counts[label]++;
  return counts.map((count) => count / labels.length);
}

/**
 * The lowest loss of a classifier that gives all images the same logits: Σ_c H(p_c) with p_c the share of class c among the items
 * and H(p) = −p·log p − (1 − p)·log(1 − p).
 */
export function blindClassLoss({ names, ofItem }: Classes): number {
  const term = (p: number): number => (p > 0 ? -p * Math.log(p) : 0);
  return frequencies(ofItem, names.length).reduce((sum, p) => sum + term(p) + term(1 - p), 0);
}

/** An accuracy as `siglip eval --json` prints it: fractions from 0 to 1. */
export const accuracyJson = ({ classes, ...table }: AccuracyTable): object => ({
  ...table,
  classes,
  chance: 1 / classes,
});

/** The table printed at the end of a run. */
export function accuracyTable(accuracies: readonly AccuracyTable[]): string {
  const row = (name: string, share: number): string =>
    `  ${name.padEnd(26)}${`${(100 * share).toFixed(1)} %`.padStart(9)}`;
  return accuracies
    .map(({ title, classes, images, accuracy, mostFrequent }) =>
      [
        `${title}: ${classes} classes, ${images} pictures`,
        row("accuracy", accuracy),
        row("most frequent class", mostFrequent),
        row("chance", 1 / classes),
      ].join("\n"),
    )
    .join("\n\n");
}
