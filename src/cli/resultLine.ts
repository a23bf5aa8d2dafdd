/** A line of `siglip search`, in a model's gallery as in an index. */
import { printable } from "../formats/index.ts";

/** `  1  probability 0.9876  similarity  0.312  photos/a.jpg`; the value is a probability, or a share of the candidates. */
export function resultLine(rank: number, name: string, value: number, similarity: number, file: string): string {
  const numbers = `${name} ${value.toFixed(4)}  similarity ${similarity.toFixed(3).padStart(6)}`;
  return `${String(rank).padStart(3)}  ${numbers}  ${printable(file)}`;
}
