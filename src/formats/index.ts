/** Public API of `formats`: safetensors, npz, SentencePiece models, strict JSON and 16-bit floats. */
export { type ByteSource, sourceOfBytes } from "./byteSource.ts";
export { bfloat16FromBits, bfloat16ToBits, float16FromBits, float16ToBits } from "./float16.ts";
export { type FormatCode, FormatError, printable, quote } from "./formatError.ts";
export { isJsonRecord, jsonText, parseJson } from "./json.ts";
export type { JsonRecord, JsonValue } from "./jsonReader.ts";
export { readNpy, writeNpy } from "./npy.ts";
export { openNpz, type Zlib } from "./npz.ts";
export {
  countNonFinite,
  readSafetensors,
  readSafetensorsHeader,
  type Safetensors,
  type SafetensorsData,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsHeader,
  type SafetensorsTensor,
  safetensorsHeaderLength,
  tensorFromBytes,
  toFloat32,
} from "./safetensors.ts";
export { readSafetensorsIndex, type SafetensorsIndex, verifyShards } from "./safetensorsIndex.ts";
export {
  bytePiece,
  type NormalizerSpec,
  type Piece,
  type PieceType,
  readSentencePiece,
  type SentencePieceModel,
  writeSentencePiece,
} from "./sentencePiece.ts";
export { readTar, type TarMember, type TarSkipped } from "./tar.ts";
export { openSafetensors, readRows, sizeOf, type TensorEntry, type TensorSource } from "./tensorSource.ts";
export { npzPieces } from "./writeNpz.ts";
export { type DeferredTensor, safetensorsPieces, writeSafetensors } from "./writeSafetensors.ts";
