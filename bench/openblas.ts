/**
 * OpenBLAS, for comparison: `cblas_sgemm` on one thread, called through koffi. Both are optional development tools
 * (`apt-get install libopenblas0`, `npm install --no-save koffi`); without them there is no comparison.
 */

/** C = op(A)·op(B), row-major; the arrays may be longer than the matrices. */
export type Sgemm = (
  transA: boolean, transB: boolean, m: number, n: number, k: number,
  a: Float32Array, lda: number, b: Float32Array, ldb: number, c: Float32Array, ldc: number,
) => void; // biome-ignore format: like the call in C

interface Library {
  func(declaration: string): (...args: unknown[]) => unknown;
}
interface Koffi {
  load(path: string): Library;
}

const ROW_MAJOR = 101; // CblasRowMajor
const AS_IS = 111; // CblasNoTrans
const TRANSPOSED = 112; // CblasTrans
const NAMES = ["libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"];

/** The product, or undefined where koffi or the library is not installed. */
export async function openblas(): Promise<Sgemm | undefined> {
  const name = "koffi"; // not a literal: tsc would look for the types of a package that may be absent
  let koffi: Koffi;
  try {
    const module = (await import(name)) as { default: Koffi };
    koffi = module.default;
  } catch {
    return undefined;
  }
  for (const path of NAMES) {
    try {
      const library = koffi.load(path);
      library.func("void openblas_set_num_threads(int n)")(1);
      const sgemm = library.func(
        "void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, void *a, int lda, void *b, int ldb, float beta, void *c, int ldc)",
      );
      return (transA, transB, m, n, k, a, lda, b, ldb, c, ldc) => {
        const [ta, tb] = [transA, transB].map((t) => (t ? TRANSPOSED : AS_IS));
        sgemm(ROW_MAJOR, ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
      };
    } catch {
      // the next name
    }
  }
  return undefined;
}
