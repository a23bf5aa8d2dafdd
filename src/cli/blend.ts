/** `siglip blend`: a model between two others. */
import { printable } from "../formats/index.ts";
import { openModel, saveBlend } from "../run/index.ts";
import { print, warn } from "./print.ts";
import { usageError } from "./usageError.ts";

export function blend(
  from: string,
  to: string,
  out: string,
  { ratio: text, json = false }: { ratio: string; json?: boolean },
): void {
  const ratio = text.trim() === "" ? Number.NaN : Number(text);
  if (!(ratio >= 0 && ratio <= 1)) {
    const detail = `--ratio ${text} is not a number from 0 to 1, the share of the second model`;
    throw usageError("--ratio", detail);
  }
  const [a, b] = [from, to].map((path) => openModel(path, warn));
  saveBlend(a, b, ratio, out);
  const share = (part: number): string => `${Number((100 * part).toFixed(2))} %`;
  print(
    json
      ? JSON.stringify({ model: out, ratio })
      : `${printable(out)}: ${share(1 - ratio)} of ${printable(from)}, ${share(ratio)} of ${printable(to)}`,
  );
}
