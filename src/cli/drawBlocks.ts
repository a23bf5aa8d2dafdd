/**
 * A drawing of the ring: which device computed which block of pairs, and at which hop.
 *
 *            texts 0   texts 1   texts 2
 * images 0   hop 0     hop 1     hop 2       device 0
 *
 * Rows are devices: images never move. Columns are the homes of the texts, which do.
 */

type Block = readonly [images: number, texts: number];
type Ring = "one" | "both";

/**
 * How often texts were handed on before a device met them. One way round they come from device rank + 1, then rank + 2, ...;
 * both ways round those of rank + h and of rank − h come at the same hop h.
 */
function hopOf(ring: Ring, rank: number, texts: number, size: number): number {
  const ahead = (texts - rank + size) % size;
  return ring === "one" ? ahead : Math.min(ahead, size - ahead);
}

export function drawBlocks(byDevice: readonly (readonly Block[])[], ring: Ring): string {
  const size = byDevice.length;
  if (byDevice.every((blocks) => blocks.length === 0)) return "(only --form fused tells which block it is at)";
  const ranks = Array.from({ length: size }, (_, rank) => rank);
  const cell = (text: string): string => text.padEnd(10);
  const lines = [cell("") + ranks.map((rank) => cell(`texts ${rank}`)).join("")];
  const visits = byDevice.flatMap((blocks, rank) =>
    [...new Set(blocks.map(([, texts]) => texts))].map((texts) => ({
      rank,
      texts,
      hop: hopOf(ring, rank, texts, size),
    })),
  );
  for (const rank of ranks) {
    const row = ranks.map((home) => {
      const met = visits.find((visit) => visit.rank === rank && visit.texts === home);
      return cell(met ? `hop ${met.hop}${home === rank ? " ●" : ""}` : "–");
    });
    lines.push(`${cell(`images ${rank}`)}${row.join("")}device ${rank}`);
  }
  lines.push("", "● own texts, the only block with matching pairs; everywhere else nothing matches");
  const last = Math.max(...visits.map(({ hop }) => hop));
  for (let hop = 0; hop <= last; hop++) {
    const now = visits.filter((visit) => visit.hop === hop).map(({ rank, texts }) => `device ${rank} × texts ${texts}`);
    lines.push(`hop ${hop}: ${now.join(", ")}`);
  }
  return lines.join("\n");
}
