/** `siglip classify`: which of these words describes this picture? */
import { nearest } from "../eval/index.ts";
import { printable } from "../formats/index.ts";
import { checkTexts, embedPictures, embedTexts, openModel } from "../run/index.ts";
import { print, warn } from "./print.ts";

export async function classify(
  run: string,
  picture: string,
  words: readonly string[],
  { json = false }: { json?: boolean },
): Promise<void> {
  const model = openModel(run, warn);
  const { pictures, tokenizer, textLength } = model;
  for (const warning of checkTexts("classify: the label", tokenizer, words, textLength)) warn(warning);
  const { pixels, cutOff } = await pictures.read(picture);
  if (cutOff > 0.5)
    process.stderr.write("the picture was cropped to the drawing in it and lost more than half of its area\n");
  const zimg = embedPictures(model, { count: 1, side: pictures.height, pixels: () => pixels });
  const ztxt = embedTexts(model, tokenizer, words, textLength);
  const ranking = nearest(zimg, ztxt, words.length);
  const { name, values } = model.meaning(ranking.map(({ score }) => score));
  const results = ranking.map(({ index, score }, i) => ({ text: words[index], score, [name]: values[i] }));
  if (json) {
    print(JSON.stringify({ picture, results }));
    return;
  }
  const width = Math.max(...words.map((word) => printable(word).length));
  ranking.forEach(({ index, score }, i) => {
    const text = printable(words[index]).padEnd(width);
    print(`${text}  score ${score.toFixed(3).padStart(6)}  ${name} ${values[i].toFixed(4)}`);
  });
}
