/**
 * A drawing of the ring: which device computed which block of pairs, and at which hop.
 *
 *            texts 0   texts 1   texts 2
 * images 0   hop 0     hop 1     hop 2       device 0
 *
 * Rows are devices: images never move. Columns are the homes of the texts, which do.
 */

type Block = readonly [images: number, texts: number];

/** The hop of every block of one device: the number of times that other texts had come before. */
function hops(blocks: readonly Block[]): Map<number, number> {
  const seen = new Map<number, number>();
  for (const [, texts] of blocks) if (!seen.has(texts)) seen.set(texts, seen.size);
  return seen;
}

export function drawBlocks(byDevice: readonly (readonly Block[])[]): string {
  const size = byDevice.length;
  if (byDevice.every((blocks) => blocks.length === 0)) return "(only --form fused tells which block it is at)";
  const ranks = Array.from({ length: size }, (_, rank) => rank);
  const cell = (text: string): string => text.padEnd(10);
  const lines = [cell("") + ranks.map((rank) => cell(`texts ${rank}`)).join("")];
  byDevice.forEach((blocks, rank) => {
    const at = hops(blocks);
    const row = ranks.map((texts) => cell(at.has(texts) ? `hop ${at.get(texts)}${texts === rank ? " ●" : ""}` : "–"));
    lines.push(`${cell(`images ${rank}`)}${row.join("")}device ${rank}`);
  });
  lines.push("", "● own texts, the only block with matching pairs; everywhere else nothing matches");
  for (let hop = 0; hop < size; hop++) {
    const visits = byDevice.flatMap((blocks, rank) =>
      [...hops(blocks)].filter(([, h]) => h === hop).map(([texts]) => `device ${rank} × texts ${texts}`),
    );
    lines.push(`hop ${hop}: ${visits.join(", ")}`);
  }
  return lines.join("\n");
}
