/** What a layout of SigLIP weights is: how its files are named, what its configuration says, where the numbers stand. */
import type { DeferredTensor, TensorSource } from "../formats/index.ts";
import type { Resampling } from "../nn/index.ts";
import type { SigLipConfig } from "../siglip/index.ts";
import type { DType } from "../tensor/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { ModelFolder } from "./folder.ts";
import type { ImageSettings } from "./imageSettings.ts";
import type { Link } from "./link.ts";
import type { Table } from "./table.ts";

/** Layouts: our own; of Hugging Face transformers, of big_vision, and of open_clip (with timm). */
export type LayoutName = "siglip-ts" | "hugging-face" | "big-vision" | "open-clip";

/** A model whose configuration has been read, but not its numbers. */
export interface OpenedModel {
  readonly config: SigLipConfig;
  /** The type that the parameters had here; f32 if undefined. */
  readonly dtype?: DType;
  readonly source: TensorSource;
  /** For messages: the file with the tensors, or their index. */
  readonly file: string;
  /** The links as this file has them; as in the table of the layout if undefined. */
  adapt?(links: readonly Link[]): Link[];
  close(): void;
}

/** A layout. */
export interface Layout {
  readonly name: LayoutName;
  /** How the names of the tensors of a tower begin. */
  readonly prefixes: { readonly image: string; readonly text: string };
  /** Tensors that say nothing and are not read. */
  readonly ignored?: RegExp;
  /** How its own library resamples positions for images of another size. */
  readonly resampling: Resampling;
  /** The table for parameters of these paths. */
  table(config: SigLipConfig, paths: Iterable<string>): Table;
  /** Whether a folder of these file names is of this layout. */
  recognizes(names: ReadonlySet<string>): boolean;
  /** Opens the model of a folder. Throws `FormatError`. */
  open(folder: ModelFolder): OpenedModel;
}

/** How a layout is written; apart from reading, which a page does too. */
export interface LayoutWriter {
  /** What of a model the layout cannot express: `model.text.pooling map`. */
  unsupported(config: SigLipConfig): string[];
  /** The files of a model, written in this order, with their bytes in pieces, and what they cannot say. */
  files(config: SigLipConfig, tensors: ReadonlyMap<string, DeferredTensor>, beside: Beside): LayoutFiles;
}

/** What is saved beside the weights. */
export interface Beside {
  readonly tokenizer?: Tokenizer;
  readonly images?: ImageSettings;
}

/** The files of a model, and in words what of it they cannot say. */
export interface LayoutFiles {
  readonly files: ReadonlyMap<string, Iterable<Uint8Array>>;
  readonly notes: readonly string[];
}
