/** What `siglip search` says of a result, or of none, in a model's gallery as in an index. */
import { printable } from "../formats/index.ts";

/** `  1  probability 0.9876  similarity  0.312  photos/a.jpg`; the value is a probability, or a share of the candidates. */
export function resultLine(rank: number, name: string, value: number, similarity: number, file: string): string {
  const numbers = `${name} ${value.toFixed(4)}  similarity ${similarity.toFixed(3).padStart(6)}`;
  return `${String(rank).padStart(3)}  ${numbers}  ${printable(file)}`;
}

/** What a search says if no picture matches, and why. */
export const nothingFound = (pictures: number, why: string): string =>
  `nothing found among ${pictures.toLocaleString("en")} ${pictures === 1 ? "picture" : "pictures"}: ${why}`;

/** Why nothing was found: the nearest picture is too improbable. */
export const tooImprobable = (probability: number, least: number): string =>
  `the nearest has a probability of ${probability.toFixed(4)}, below ${least}; try another query`;
