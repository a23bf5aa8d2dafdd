/**
 * Tests use the same engine flags as programs, set before anything is compiled, and so the same kernels.
 *
 * Ordinary runs draw the same random cases, so that a failure is due to the change at hand. `npm run test:random` draws new
 * ones; a failure is printed with its seed and becomes an example.
 */
import "../../src/engine.ts";
import fc from "fast-check";

if (process.env.NEW_CASES === undefined) fc.configureGlobal({ seed: 20231127 });
