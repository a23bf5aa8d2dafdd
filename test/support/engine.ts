/**
 * Tests run on the kernels that programs run on: the same engine flags, set before anything is compiled.
 *
 * Everyday runs draw the same random cases, so that a red run is about the change at hand. `npm run test:random` draws new
 * ones; what it finds is printed with its seed and becomes an example.
 */
import "../../src/engine.ts";
import fc from "fast-check";

if (process.env.NEW_CASES === undefined) fc.configureGlobal({ seed: 20231127 });
