/**
 * Loads a model of a known layout. Needs nothing of Node, so that a page does it too.
 *
 * The configuration is read first and compared with the tensors, before memory is taken for them; then the parameters are filled,
 * a piece of a tensor at a time, so that no more than the model is in memory.
 */
import { FormatError, sizeOf } from "../formats/index.ts";
import { parametersOf, skipInit } from "../nn/index.ts";
import { gridOf, parameterCount, type SigLipConfig, type TextParts } from "../siglip/index.ts";
import type { DType, Shape } from "../tensor/index.ts";
import { checkedConfig } from "./checkedConfig.ts";
import { checkTensors, nonFiniteIn, readLinks, resampled } from "./fill.ts";
import type { ModelFolder } from "./folder.ts";
import type { Layout, LayoutName, OpenedModel } from "./layout.ts";
import type { Link } from "./link.ts";
import { partsOnDemand } from "./onDemand.ts";
import { linksOf } from "./table.ts";

/** Options of `loadModel` and `loadTower`. */
export interface LoadOptions {
  /** Type of the parameters; f32 by default, whatever the file holds, or what a model of our own layout had. */
  readonly dtype?: DType;
  /**
   * Height and width of the images, in pixels, if not those of the file: positions are resampled as the library of the layout
   * does.
   */
  readonly imageSize?: SigLipConfig["image"]["imageSize"];
}

/** Options of `loadTower` for a text tower. */
export interface TextTowerOptions extends LoadOptions {
  /**
   * Whether the tower stays in the file, for a few texts: a text reads its rows of the token table, and the encoder blocks one after
   * the other. The embeddings have the same bits. The file stays open as long as the tower exists. Of an npz file the whole table is
   * read, since its CRC covers all of it.
   */
  readonly onDemand?: boolean;
}

/** What was read beside the parameters. */
export interface Loaded {
  readonly layout: LayoutName;
  /** Without t and b of the file, which are parameters: `temperatureInit` is 1, `biasInit` 0. */
  readonly config: SigLipConfig;
  /** How many of the numbers that were read are NaN or infinite: a damaged model, usually. */
  readonly nonFinite: number;
}

const POSITIONS = "image/posEmbedding";

/** Closes the files of towers that no longer exist. */
const filesOfTowers = new FinalizationRegistry<OpenedModel>((opened) => opened.close());

/** Loads what `build` makes of a model whose parameters begin with `prefix`. Errors as in `loadModel`. */
export function loadLayout<T extends object>(
  layout: Layout,
  folder: ModelFolder,
  { dtype: asked, imageSize, onDemand = false }: TextTowerOptions,
  prefix: "" | "image/" | "text/",
  build: (config: SigLipConfig, dtype: DType, parts?: TextParts) => T,
): Loaded & { readonly module: T } {
  const opened = layout.open(folder);
  let isInUse = false;
  try {
    checkSize(opened);
    const stored = opened.config;
    const size = imageSize ?? stored.image.imageSize;
    const config = checkedConfig({ ...stored, image: { ...stored.image, imageSize: size } }, opened.file);
    const dtype = asked ?? opened.dtype ?? "f32";
    const links = (of: ReadonlyMap<string, Shape>): Link[] => linksIn(layout, opened, of);
    const later = onDemand ? partsOnDemand(config, dtype, opened.source, links) : undefined;
    const module = skipInit(() => build(config, dtype, later?.parts));
    const parameters = new Map([...parametersOf(module)].map(([name, each]) => [prefix + name, each]));
    const shapes = new Map<string, Shape>([...parameters].map(([name, { shape }]) => [name, shape]));
    const [from, to] = [gridOf(stored.image), gridOf(config.image)];
    const resamples = shapes.has(POSITIONS) && (from[0] !== to[0] || from[1] !== to[1]);
    if (resamples) shapes.set(POSITIONS, [from[0] * from[1], stored.image.width]);
    const positions = new Float64Array(resamples ? from[0] * from[1] * stored.image.width : 0);
    const now = links(shapes);
    checkTensors([...now, ...(later?.links ?? [])], opened.source, opened.file, (name) =>
      isLeftOver(name, layout, prefix),
    );
    readLinks(now, opened.source, (name) =>
      resamples && name === POSITIONS ? positions : parameters.get(name)!.value.data,
    );
    if (resamples) parameters.get(POSITIONS)!.value.data.set(resampled(positions, from, to, layout.resampling));
    const nonFinite = [...parameters.values()].reduce((sum, { value }) => sum + nonFiniteIn(value), 0);
    isInUse = onDemand;
    if (isInUse) filesOfTowers.register(module, opened);
    return { layout: layout.name, config, nonFinite, module };
  } finally {
    if (!isInUse) opened.close();
  }
}

/** Before the model is built: a wrong configuration may need any amount of memory. A few missing tensors are named later. */
function checkSize({ config, source, file }: OpenedModel): void {
  let numbers = 0;
  for (const entry of source.entries.values()) numbers += sizeOf(entry);
  const { total } = parameterCount(config);
  if (total <= 2 * numbers) return;
  const detail = `the configuration is of a model of ${total} numbers, but the file has only ${numbers}`;
  throw new FormatError("MODEL_MISMATCH", file, 0, detail);
}

function linksIn(layout: Layout, { config, file, adapt }: OpenedModel, shapes: ReadonlyMap<string, Shape>) {
  const { links, without } = linksOf(layout.table(config, shapes.keys()), shapes);
  if (without.length > 0) throw new FormatError("MODEL_CONFIG", file, 0, `${layout.name} has no ${without.join(", ")}`);
  return adapt ? adapt(links) : links;
}

/** Whether a tensor that no link names is a sign of another model: of a tower that is not read, none is. */
function isLeftOver(name: string, { ignored, prefixes }: Layout, prefix: "" | "image/" | "text/"): boolean {
  if (ignored?.test(name)) return false;
  if (prefix === "") return true;
  return name.includes(prefix === "image/" ? prefixes.image : prefixes.text);
}
