/** What a released model is, without its towers: layout, configuration, temperature and bias. */
import type { SigLipConfig } from "../siglip/index.ts";
import { checkTensors, readLinks } from "./fill.ts";
import { findLayout } from "./findLayout.ts";
import type { LayoutName } from "./layout.ts";
import { linksOf } from "./table.ts";

/** A released model without its towers. */
export interface InspectedModel {
  readonly layout: LayoutName;
  /** The folder of its files. */
  readonly folder: string;
  readonly config: SigLipConfig;
  /** t′; the temperature is t = exp(t′). */
  readonly tPrime: number;
  readonly b: number;
}

/** Reads the configuration, t′ and b of a released model, and no tower. Throws as `loadModel` does. */
export function inspectModel(path: string): InspectedModel {
  const { layout, folder } = findLayout(path);
  const opened = layout.open(folder);
  try {
    const numbers = new Map(["tPrime", "b"].map((name) => [name, new Float32Array(1)]));
    const shapes = new Map([...numbers.keys()].map((name) => [name, []]));
    const { links } = linksOf(layout.table(opened.config, shapes.keys()), shapes);
    const scalars = opened.adapt ? opened.adapt(links) : links;
    checkTensors(scalars, opened.source, opened.file, () => false);
    readLinks(scalars, opened.source, (name) => numbers.get(name)!);
    const [tPrime, b] = [...numbers.values()].map(([value]) => value);
    return { layout: layout.name, folder: folder.path, config: opened.config, tPrime, b };
  } finally {
    opened.close();
  }
}
