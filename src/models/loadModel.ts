/**
 * Loads SigLIP weights: of Hugging Face, big_vision and open_clip, and of our own layout, found by the names of the files.
 *
 * The configuration is read first and compared with the tensors, before memory is taken for them; then the parameters are filled,
 * a piece of a tensor at a time, so that no more than the model is in memory.
 */
import { FormatError, sizeOf } from "../formats/index.ts";
import { parametersOf } from "../nn/index.ts";
import { gridOf, ImageTower, parameterCount, SigLip, type SigLipConfig, TextTower } from "../siglip/index.ts";
import { type DType, Rng, type Shape } from "../tensor/index.ts";
import { checkedConfig } from "./fields.ts";
import { checkTensors, readLinks, resampled } from "./fill.ts";
import { findLayout } from "./findLayout.ts";
import type { Layout, LayoutName, OpenedModel } from "./layout.ts";
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

/** What was read beside the parameters. */
export interface Loaded {
  readonly layout: LayoutName;
  /** Without t and b of the file, which are parameters: `temperatureInit` is 1, `biasInit` 0. */
  readonly config: SigLipConfig;
  /** How many of the numbers are NaN or infinite: a damaged model, usually. */
  readonly nonFinite: number;
}

/**
 * Loads a model from a folder or file.
 *
 * Throws `FormatError` with what is wrong and where; all tensors that do not fit are listed at once. Errors of the system pass.
 */
export function loadModel(path: string, options: LoadOptions = {}): Loaded & { readonly model: SigLip } {
  const build = (config: SigLipConfig, dtype: DType) => new SigLip(new Zeros(0), config, dtype);
  const { module, ...loaded } = load(path, options, "", build);
  return { ...loaded, model: module };
}

/** Loads the image tower of a model alone; the numbers of the other one are not read. Errors as in `loadModel`. */
export function loadTower(path: string, tower: "image", options?: LoadOptions): Loaded & { readonly tower: ImageTower };
/** Loads the text tower of a model alone. */
export function loadTower(path: string, tower: "text", options?: LoadOptions): Loaded & { readonly tower: TextTower };
export function loadTower(
  path: string,
  tower: "image" | "text",
  options: LoadOptions = {},
): Loaded & { readonly tower: ImageTower | TextTower } {
  const { module, ...loaded } = load(path, options, `${tower}/`, ({ image, text, embedDim }, dtype) =>
    tower === "image"
      ? new ImageTower(new Zeros(0), image, embedDim, dtype)
      : new TextTower(new Zeros(0), text, embedDim, dtype),
  );
  return { ...loaded, tower: module };
}

/** Random numbers that are all 0, for parameters that will be read: drawing would take longer than reading. */
class Zeros extends Rng {
  override split(): Rng {
    return this;
  }
  override normal(): number {
    return 0;
  }
  override between(): number {
    return 0;
  }
  override truncatedNormal(): number {
    return 0;
  }
}

const POSITIONS = "image/posEmbedding";

function load<T extends object>(
  path: string,
  { dtype, imageSize }: LoadOptions,
  prefix: "" | "image/" | "text/",
  build: (config: SigLipConfig, dtype: DType) => T,
): Loaded & { readonly module: T } {
  const { layout, folder, names } = findLayout(path);
  const opened = layout.open(folder, names);
  try {
    checkSize(opened);
    const stored = opened.config;
    const size = imageSize ?? stored.image.imageSize;
    const config = checkedConfig({ ...stored, image: { ...stored.image, imageSize: size } }, opened.file);
    const module = build(config, dtype ?? opened.dtype ?? "f32");
    const parameters = new Map([...parametersOf(module)].map(([name, each]) => [prefix + name, each]));
    const shapes = new Map<string, Shape>([...parameters].map(([name, { shape }]) => [name, shape]));
    const [from, to] = [gridOf(stored.image), gridOf(config.image)];
    const resamples = shapes.has(POSITIONS) && (from[0] !== to[0] || from[1] !== to[1]);
    if (resamples) shapes.set(POSITIONS, [from[0] * from[1], stored.image.width]);
    const positions = new Float64Array(resamples ? from[0] * from[1] * stored.image.width : 0);
    const links = linksIn(layout, opened, shapes);
    checkTensors(links, opened.source, opened.file, (name) => isLeftOver(name, layout, prefix));
    const nonFinite = readLinks(links, opened.source, (name) =>
      resamples && name === POSITIONS ? positions : parameters.get(name)!.value.data,
    );
    if (resamples) parameters.get(POSITIONS)!.value.data.set(resampled(positions, from, to, layout.resampling));
    return { layout: layout.name, config, nonFinite, module };
  } finally {
    opened.close();
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
