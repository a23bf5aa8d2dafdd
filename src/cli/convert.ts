/** `siglip convert IN OUT --to`: a model for another library. */
import { printable } from "../formats/index.ts";
import { convertModel, type LayoutName, openModel } from "../run/index.ts";
import { print, warn } from "./print.ts";

/** Layouts by the words of `--to`. */
const TARGETS: Readonly<Record<string, LayoutName>> = {
  hf: "hugging-face",
  "big-vision": "big-vision",
  "open-clip": "open-clip",
};

export function convert(from: string, to: string, options: { readonly to: string; readonly json?: boolean }): void {
  const model = openModel(from, warn);
  const { layout, tensors, files, notes } = convertModel(model, to, TARGETS[options.to]);
  if (options.json) {
    print(JSON.stringify({ from: model.origin, to: layout, folder: to, tensors, files, notes }));
    return;
  }
  print(printable(`${from} (${model.origin}) → ${to} (${layout}): ${tensors} tensors`));
  print(`files  ${files.join(", ")}`);
  for (const note of notes) print(`note   ${printable(note)}`);
}
