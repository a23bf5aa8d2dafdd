/** `siglip info MODEL`: what a model is. */
import { printable } from "../formats/index.ts";
import { describeModel, openModel } from "../run/index.ts";
import { sidesOf } from "../siglip/index.ts";
import { print, warn } from "./print.ts";

export function infoModel(path: string, json: boolean): void {
  const model = describeModel(openModel(path, warn));
  if (json) {
    print(JSON.stringify(model));
    return;
  }
  const { layout, config, embedDim, textLength, vocabSize, parameters, t, b, patchSize, notes } = model;
  const tower = ({ width, depth, numHeads, mlpDim, gelu = "tanh" }: typeof config.image | typeof config.text): string =>
    `width ${width}, ${depth} ${depth === 1 ? "block" : "blocks"}, ${numHeads} heads, MLP ${mlpDim}, GELU ${gelu}`;
  print(`model       ${printable(path)} (${layout}), ${parameters.toLocaleString("en")} parameters`);
  print(`images      ${sidesOf(config.image).join(" × ")} pixels, patches of ${patchSize}; ${tower(config.image)}`);
  print(`texts       ${textLength} tokens of ${vocabSize.toLocaleString("en")}; ${tower(config.text)}`);
  print(
    `embeddings  width ${embedDim}; logit = ${t.toFixed(3)} · ⟨x, y⟩ ${b < 0 ? "−" : "+"} ${Math.abs(b).toFixed(3)}`,
  );
  for (const note of notes) print(`note        ${note}`);
}
