/** The programs that devices run: files to hand to `launch`. */
import { threadFile } from "../parallel/launch.ts";

/** Trains; takes a `TrainJob`. */
export const trainProgram = threadFile("./trainDevice", import.meta.url);
/** Evaluates; takes an `EvalJob`. */
export const evalProgram = threadFile("./evalDevice", import.meta.url);
