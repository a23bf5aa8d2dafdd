/** The named sizes of the literature (big_vision `decode_variant`): "B/16" is size B with patches of 16 × 16 pixels. */
import { ModelConfigError, type Size } from "./config.ts";

const size = (width: number, depth: number, mlpDim: number, numHeads: number): Size => ({
  width,
  depth,
  mlpDim,
  numHeads,
});

/** Transformer sizes by name; "B" in "B/16" is a row here and 16 the patch size. */
export const SIZES = {
  mu: size(32, 1, 128, 2),
  Ti: size(192, 12, 768, 3),
  S: size(384, 12, 1536, 6),
  M: size(512, 12, 2048, 8),
  B: size(768, 12, 3072, 12),
  L: size(1024, 24, 4096, 16),
  So400m: size(1152, 27, 4304, 16),
  H: size(1280, 32, 5120, 16),
  g: size(1408, 40, 6144, 16),
  "g-opt": size(1536, 40, 6144, 16),
  G: size(1664, 48, 8192, 16),
  "G-opt": size(1536, 48, 8192, 16),
  e: size(1792, 56, 15360, 16),
} as const satisfies Record<string, Size>;

/** What a variant says: a size, with a patch size if the name has one. */
export type Variant<Name extends string> = Name extends `${string}/${string}`
  ? Size & { readonly patchSize: number }
  : Size;

/** The size of a variant such as "B" (a text tower) or "So400m/14" (an image tower). Throws `ModelConfigError`. */
export function decodeVariant<Name extends string>(variant: Name): Variant<Name> {
  const [, name, patch] = /^([^/]*)(?:\/([1-9]\d*))?$/.exec(variant) ?? [];
  if (name === undefined || !Object.hasOwn(SIZES, name)) {
    const names = Object.keys(SIZES).join(", ");
    throw new ModelConfigError(
      `unknown variant ${JSON.stringify(variant)}; choose one of ${names}, with or without a patch size as in B/16`,
    );
  }
  const found: Size = SIZES[name as keyof typeof SIZES];
  return (patch === undefined ? found : { ...found, patchSize: Number(patch) }) as Variant<Name>;
}
