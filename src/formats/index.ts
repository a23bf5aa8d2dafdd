/** Public API of `formats`: safetensors, SentencePiece models, strict JSON and 16-bit floats. */
export { bfloat16FromBits, bfloat16ToBits, float16FromBits, float16ToBits } from "./float16.ts";
export { type FormatCode, FormatError, printable } from "./formatError.ts";
export { isJsonRecord, jsonText, parseJson } from "./json.ts";
export type { JsonRecord, JsonValue } from "./jsonReader.ts";
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
export { writeSafetensors } from "./writeSafetensors.ts";
