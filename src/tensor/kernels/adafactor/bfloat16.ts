/** bfloat16: the upper 16 bits of an f32, so 8 binary digits. */

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** The nearest bfloat16 number, ties to even. */
export function bfloat16(x: number): number {
  single[0] = x;
  bits[0] = (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) & 0xffff0000;
  return single[0];
}
