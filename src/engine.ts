/**
 * Engine flags that make the kernels faster. Import it before anything else: flags count only for WebAssembly modules
 * that are compiled after they are set.
 *
 * - Relaxed SIMD (fused multiply-add) is behind a flag in Node 20 and on by default from Node 22 on.
 * - Revectorisation fuses pairs of 128-bit operations into 256-bit ones, about twice as fast. Experimental; it has an
 *   effect from Node 24 on, and the kernels test themselves at start-up.
 * - The tiering budget is how much a function runs before the optimising compiler takes over: a small one means that
 *   the start-up probe and test see the code that will run.
 *
 * An engine prints a line for a flag it does not know, so only versions that were tried get flags; newer ones run
 * with their defaults.
 */
import { setFlagsFromString } from "node:v8";

const LAST_TRIED = 26;
const major = Number(process.versions.node.split(".")[0]);

if (major < 22) setFlagsFromString("--experimental-wasm-relaxed-simd");
if (major >= 24 && major <= LAST_TRIED) setFlagsFromString("--experimental-wasm-revectorize");
if (major <= LAST_TRIED) setFlagsFromString("--wasm-tiering-budget=100000");
