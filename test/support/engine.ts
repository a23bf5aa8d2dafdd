/** Tests run on the kernels that programs run on: the same engine flags, set before anything is compiled. */
import "../../src/cli/engine.ts";
