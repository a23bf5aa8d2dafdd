/** A decoded picture, apart from its decoder, so that public types do not need those of `sharp`. */

/** A decoded picture. */
export interface Decoded {
  /** The kind of its file, as in `sniff`. */
  readonly kind: string;
  readonly data: Uint8Array; // [height, width, channels]
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}
