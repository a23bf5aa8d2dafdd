/**
 * A drawing of the ring: which device computed which block of pairs at which hop, and what was passed on.
 *
 *            texts 0   texts 1   texts 2
 * images 0   hop 0 ●   hop 1     hop 2       device 0
 *
 * Rows are devices: images never move. Columns are the owners of the texts, which do.
 */
import type { FormName } from "../run/index.ts";

type Block = readonly [images: number, texts: number];

/** A block with the device that computed it, and the number of hops of its texts before. */
interface Visit {
  readonly device: number;
  readonly texts: number;
  readonly hop: number;
}

/** The drawing of the blocks that each device computed; a note for forms without a ring. */
export function drawBlocks(form: FormName, byDevice: readonly (readonly Block[])[]): string {
  const size = byDevice.length;
  if (byDevice.every((blocks) => blocks.length === 0))
    return `(no ring: --form ${form} does not compute block by block)`;
  const visits = byDevice.flatMap((blocks, device) =>
    [...new Set(blocks.map(([, texts]) => texts))].map((texts) => ({
      device,
      texts,
      hop: (texts - device + size) % size,
    })),
  );
  return [...table(visits, size), "", "● a device's own texts: the only block with matching pairs", ...traffic(form, visits, size)].join("\n"); // biome-ignore format: one list
}

function table(visits: readonly Visit[], size: number): string[] {
  const ranks = Array.from({ length: size }, (_, rank) => rank);
  const cell = (text: string): string => text.padEnd(10);
  const rows = ranks.map((device) => {
    const cells = ranks.map((owner) => {
      const met = visits.find((visit) => visit.device === device && visit.texts === owner);
      return cell(met ? `hop ${met.hop}${owner === device ? " ●" : ""}` : "–");
    });
    return `${cell(`images ${device}`)}${cells.join("")}device ${device}`;
  });
  return [cell("") + ranks.map((rank) => cell(`texts ${rank}`)).join(""), ...rows];
}

/** The transfers before each hop, and the path of the texts' gradients to their owners. */
function traffic(form: FormName, visits: readonly Visit[], size: number): string[] {
  const carried = form === "chunked" ? "texts" : "texts with their accumulated gradient";
  const lines = Array.from({ length: size }, (_, hop) => {
    const now = visits.filter((visit) => visit.hop === hop);
    if (hop === 0) return `hop 0: ${now.map(({ device, texts }) => `device ${device} × texts ${texts}`).join(", ")}`;
    const moves = now.map(({ device, texts }) => `texts ${texts}: device ${(device + 1) % size} → ${device}`);
    return `hop ${hop}: ${moves.join(", ")}`;
  });
  if (size === 1) return lines;
  const home =
    form === "chunked"
      ? "backward: the gradient of the texts takes the reverse path, and every device adds its part"
      : `home:  every device sends the gradient of the texts it holds to their owner: device ${size - 1} → ${size - 2} and so on`;
  const before = "before: the same round with the running normalizers of the texts, which a gradient needs complete";
  return [...lines, `passed on: ${carried}`, home, ...(form === "softmax" ? [before] : [])];
}
