/**
 * V8 flags that make the kernels about twice as fast. Import it first, for its effect: the flags apply only to WebAssembly
 * modules compiled after they are set.
 *
 * - Relaxed SIMD (fused multiply-add) is behind a flag in Node 20 and on by default from Node 22 on.
 * - Revectorisation fuses pairs of 128-bit operations into 256-bit ones. Experimental; it has an effect from Node 24 on,
 *   and the kernels test themselves at start-up.
 * - The tiering budget is how long a function runs before the optimising compiler takes over: with a small one, the probe
 *   and self-test at start-up already measure optimised code.
 *
 * V8 prints a line for an unknown flag, so only tested versions get flags; newer ones run with their defaults.
 */
import { setFlagsFromString } from "node:v8";

const LAST_TESTED = 26;
const major = Number(process.versions.node.split(".")[0]);

if (major < 22) setFlagsFromString("--experimental-wasm-relaxed-simd");
if (major >= 24 && major <= LAST_TESTED) setFlagsFromString("--experimental-wasm-revectorize");
if (major <= LAST_TESTED) setFlagsFromString("--wasm-tiering-budget=100000");
