/** `siglip classify`: which of these words name this picture? */
import { readPicture } from "../data/index.ts";
import { nearest } from "../eval/index.ts";
import { printable } from "../formats/index.ts";
import { embedPictures, embedTexts } from "./embed.ts";
import { openModel, pairProbability } from "./openModel.ts";
import { print } from "./print.ts";
import { checkTexts } from "./texts.ts";

export async function classify(
  run: string,
  picture: string,
  words: readonly string[],
  { json = false }: { json?: boolean },
): Promise<void> {
  const { config, model, tokenizer } = openModel(run);
  checkTexts("classify: the label", tokenizer, words, config.tokenizer.length);
  const side = config.model.image.imageSize;
  const zimg = embedPictures(model, (await readPicture(picture, { side })).pixels, side);
  const ztxt = embedTexts(model, tokenizer, words, config.tokenizer.length);
  const results = nearest(zimg, ztxt, words.length).map(({ index, score }) => ({
    text: words[index],
    score,
    probability: pairProbability(model, score),
  }));
  if (json) {
    print(JSON.stringify({ picture, results }));
    return;
  }
  const width = Math.max(...words.map((word) => printable(word).length));
  for (const { text, score, probability } of results) {
    print(
      `${printable(text).padEnd(width)}  score ${score.toFixed(3).padStart(6)}  probability ${probability.toFixed(4)}`,
    );
  }
}
