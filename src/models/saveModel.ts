/** Saves a model in the layout of another library, to be used there. */
import { type DeferredTensor, FormatError, type SafetensorsData } from "../formats/index.ts";
import { NonFiniteError, parametersOf } from "../nn/index.ts";
import type { SigLip, SigLipConfig } from "../siglip/index.ts";
import type { Shape } from "../tensor/index.ts";
import { writeFolder } from "./files.ts";
import { layoutOf } from "./findLayout.ts";
import type { Beside, LayoutName, LayoutWriter } from "./layout.ts";
import { copyLink, isAsHere, type Link, linkSize } from "./link.ts";
import { siglipTs } from "./siglipTs.ts";
import { linksOf } from "./table.ts";
import { writeBigVision } from "./writeBigVision.ts";
import { writeHuggingFace } from "./writeHuggingFace.ts";
import { writeOpenClip } from "./writeOpenClip.ts";

type Numbers = Float32Array | Float64Array;

const WRITERS: Readonly<Record<LayoutName, LayoutWriter>> = {
  "siglip-ts": siglipTs,
  "hugging-face": writeHuggingFace,
  "big-vision": writeBigVision,
  "open-clip": writeOpenClip,
};

/** What `saveModel` wrote. */
export interface SavedModel {
  readonly layout: LayoutName;
  /** Names of the files in the folder. */
  readonly files: readonly string[];
  /** Number of tensors. */
  readonly tensors: number;
  /** In words: what the files cannot say, and what their library does in another way. */
  readonly notes: readonly string[];
}

/**
 * Saves a model in a new folder, all of it or nothing, on request with its tokenizer and how its images are prepared. Numbers are F32
 * (F64 for a model in f64), so that loading gives the same bits.
 *
 * A text tower without a head gets the identity as its head for Hugging Face, which has no other word for it. Throws
 * `ModelFolderError` if the folder exists, `FormatError` if the layout cannot express the model, `NonFiniteError` if a parameter is
 * not finite. Errors of the system pass; nothing stays behind.
 */
export function saveModel(model: SigLip, folder: string, layoutName: LayoutName, beside: Beside = {}): SavedModel {
  const layout = layoutOf(layoutName);
  const parameters = new Map<string, { readonly shape: Shape; readonly numbers: Numbers }>();
  for (const [path, { shape, value }] of parametersOf(model)) {
    if (!value.data.every(Number.isFinite)) {
      throw new NonFiniteError(`saveModel: ${path} holds NaN or infinity; nothing was written`);
    }
    parameters.set(path, { shape, numbers: value.data });
  }
  const config = layoutName === "hugging-face" ? withHead(model.config, parameters) : model.config;
  const writer = WRITERS[layoutName];
  const problems = writer.unsupported(config);
  if (problems.length > 0) {
    throw new FormatError("MODEL_LAYOUT", folder, 0, `${layoutName} cannot express this model: ${problems.join("; ")}`);
  }
  const shapes = new Map([...parameters].map(([path, { shape }]) => [path, shape]));
  const { links, without } = linksOf(layout.table(config, shapes.keys()), shapes);
  if (without.length > 0) {
    throw new FormatError("MODEL_LAYOUT", folder, 0, `${layoutName} has no ${without.join(", ")}`);
  }
  const tensors = tensorsOf(links, (path) => parameters.get(path)!.numbers);
  const { files, notes } = writer.files(config, tensors, beside);
  writeFolder(folder, files);
  const identity = config === model.config ? [] : ["text head: the identity, since a SiglipModel always has one"];
  return { layout: layoutName, files: [...files.keys()], tensors: tensors.size, notes: [...identity, ...notes] };
}

/** Adds the identity as the head of a text tower that has none. */
function withHead(config: SigLipConfig, parameters: Map<string, { shape: Shape; numbers: Numbers }>): SigLipConfig {
  if (config.text.head !== false) return config;
  const { width } = config.text;
  const kernel = new Float32Array(width * width);
  for (let i = 0; i < width; i++) kernel[i * (width + 1)] = 1;
  parameters.set("text/head/kernel", { shape: [width, width], numbers: kernel });
  parameters.set("text/head/bias", { shape: [width], numbers: new Float32Array(width) });
  return { ...config, text: { ...config.text, head: true } };
}

/** The tensors of a layout, each made of its links when it is written. */
function tensorsOf(links: readonly Link[], numbersOf: (path: string) => Numbers): Map<string, DeferredTensor> {
  const byName = new Map<string, Link[]>();
  for (const link of links) byName.set(link.name, [...(byName.get(link.name) ?? []), link]);
  return new Map(
    [...byName].map(([name, parts]) => {
      const { shape } = parts[0];
      const f64 = parts.some(({ path }) => numbersOf(path) instanceof Float64Array);
      const numbers = (): SafetensorsData => {
        if (parts.length === 1 && isAsHere(parts[0])) return numbersOf(parts[0].path) as SafetensorsData; // a token table may be large
        const out = new (f64 ? Float64Array : Float32Array)(shape.reduce((a, b) => a * b, 1));
        for (const link of parts) {
          copyLink(link, "write", numbersOf(link.path), out.subarray(link.start, link.start + linkSize(link)));
        }
        return out;
      };
      return [name, { dtype: f64 ? "F64" : "F32", shape, numbers } as const];
    }),
  );
}
