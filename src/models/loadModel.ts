/**
 * Loads SigLIP weights: of Hugging Face, big_vision and open_clip, and of our own layout, found by the names of the files.
 *
 * The configuration is read first and compared with the tensors, before memory is taken for them; then the parameters are filled,
 * a piece of a tensor at a time, so that no more than the model is in memory.
 */
import { FormatError, sizeOf } from "../formats/index.ts";
import { parametersOf, skipInit } from "../nn/index.ts";
import {
  gridOf,
  ImageTower,
  parameterCount,
  SigLip,
  type SigLipConfig,
  type TextParts,
  TextTower,
} from "../siglip/index.ts";
import { type DType, Rng, type Shape } from "../tensor/index.ts";
import { checkedConfig } from "./checkedConfig.ts";
import { checkTensors, nonFiniteIn, readLinks, resampled } from "./fill.ts";
import { findLayout } from "./findLayout.ts";
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

/**
 * Loads a model from a folder or file.
 *
 * Throws `FormatError` with what is wrong and where; all tensors that do not fit are listed at once. Errors of the system pass.
 */
export function loadModel(path: string, options: LoadOptions = {}): Loaded & { readonly model: SigLip } {
  const build = (config: SigLipConfig, dtype: DType) => new SigLip(new Rng(0), config, dtype);
  const { module, ...loaded } = load(path, options, "", build);
  return { ...loaded, model: module };
}

/** Loads the image tower of a model alone; the numbers of the other one are not read. Errors as in `loadModel`. */
export function loadTower(path: string, tower: "image", options?: LoadOptions): Loaded & { readonly tower: ImageTower };
/** Loads the text tower of a model alone. */
export function loadTower(
  path: string,
  tower: "text",
  options?: TextTowerOptions,
): Loaded & { readonly tower: TextTower };
export function loadTower(
  path: string,
  tower: "image" | "text",
  options: TextTowerOptions = {},
): Loaded & { readonly tower: ImageTower | TextTower } {
  const { module, ...loaded } = load(path, options, `${tower}/`, ({ image, text, embedDim }, dtype, parts) =>
    tower === "image"
      ? new ImageTower(new Rng(0), image, embedDim, dtype)
      : new TextTower(new Rng(0), text, embedDim, dtype, parts),
  );
  return { ...loaded, tower: module };
}

const POSITIONS = "image/posEmbedding";

/** Closes the files of towers that no longer exist. */
const filesOfTowers = new FinalizationRegistry<OpenedModel>((opened) => opened.close());

function load<T extends object>(
  path: string,
  { dtype: asked, imageSize, onDemand = false }: TextTowerOptions,
  prefix: "" | "image/" | "text/",
  build: (config: SigLipConfig, dtype: DType, parts?: TextParts) => T,
): Loaded & { readonly module: T } {
  const { layout, folder, names } = findLayout(path);
  const opened = layout.open(folder, names);
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
