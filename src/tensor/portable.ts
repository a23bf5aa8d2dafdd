/**
 * Elementary functions of one number with the same bits on every engine.
 *
 * `Math.exp`, `Math.log`, `Math.sin`, `Math.pow` may differ in the last digit from one engine, version or platform to the
 * next. These use only +, −, ×, ÷, which IEEE 754 fixes to the last bit. Everything that decides a bit of a
 * training run (random numbers, schedules, augmentation, temperature) uses them. Errors, against forty digits: exp at most
 * 1.5 ulp, log 3, log1p 5, cos and sin 1 ulp of 1 (docs/ACCURACY.md).
 */

const LN2_HI = 0.6931471803691238; // 33 bits: k·LN2_HI is exact for |k| < 2^20
const LN2_LO = 1.9082149292705877e-10; // ln 2 − LN2_HI
const LOG2_E = Math.LOG2E;
const SQRT2 = Math.SQRT2;

const bits = new DataView(new ArrayBuffer(8));

/** 2^k, exactly, for −1022 ≤ k ≤ 1023. */
function power2(k: number): number {
  bits.setUint32(0, (k + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** eˣ: x = k·ln 2 + r with |r| ≤ ½·ln 2, and the Taylor series of e^r to r^13/13!, whose remainder is below 2^-57. */
export function exp(x: number): number {
  if (x > 709.79) return Number.POSITIVE_INFINITY;
  if (x < -745.14) return 0;
  if (Number.isNaN(x)) return x;
  const k = Math.round(x * LOG2_E);
  const r = x - k * LN2_HI - k * LN2_LO;
  let series = 1;
  for (let n = 13; n > 0; n--) series = 1 + (r * series) / n;
  // Two factors, so that neither leaves the range of normal numbers.
  const half = Math.trunc(k / 2);
  return series * power2(half) * power2(k - half);
}

/** ln x: x = 2^k·m with √½ ≤ m < √2, and ln m = 2·artanh s with s = (m − 1)/(m + 1), |s| < 0.172, to s^23. */
export function log(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return x === 0 ? Number.NEGATIVE_INFINITY : x > 0 ? x : Number.NaN;
  const isSubnormal = x < 2.2250738585072014e-308;
  bits.setFloat64(0, isSubnormal ? x * 2 ** 54 : x);
  const high = bits.getUint32(0);
  let k = (high >>> 20) - 1023 - (isSubnormal ? 54 : 0);
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let m = bits.getFloat64(0);
  if (m >= SQRT2) {
    m /= 2;
    k++;
  }
  const s = (m - 1) / (m + 1);
  const square = s * s;
  let series = 0;
  for (let n = 23; n > 0; n -= 2) series = series * square + 1 / n;
  return k * LN2_HI + (2 * s * series + k * LN2_LO);
}

/** ln(1 + x) for x ≥ 0, however small: u = 1 + x loses digits of x, and the factor x/(u − 1) restores them (Kahan 1979; HP-15C). */
export function log1p(x: number): number {
  const u = 1 + x;
  return u === 1 || u === Number.POSITIVE_INFINITY ? x : log(u) * (x / (u - 1));
}

/** cos and sin of an angle given in turns: the reduction to an eighth of a turn is exact. */
export function cosSin(turns: number): { cos: number; sin: number } {
  const quarter = Math.round(turns * 4);
  const angle = (turns - quarter / 4) * (2 * Math.PI); // |angle| ≤ π/4
  const square = angle * angle;
  let cos = 1;
  let sin = 1;
  for (let n = 18; n > 0; n -= 2) {
    cos = 1 - (square * cos) / (n * (n - 1));
    sin = 1 - (square * sin) / (n * (n + 1));
  }
  sin *= angle;
  switch (((quarter % 4) + 4) % 4) {
    case 0:
      return { cos, sin };
    case 1:
      return { cos: -sin, sin: cos };
    case 2:
      return { cos: -cos, sin: -sin };
    default:
      return { cos: sin, sin: -cos };
  }
}
