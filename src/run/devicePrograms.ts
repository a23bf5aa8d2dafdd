/** The programs that devices run, as files for `launch`. */
import { threadFile } from "../parallel/launch.ts";

/** The training program; takes a `TrainJob`. */
export const trainProgram = threadFile("./trainDevice", import.meta.url);
/** The program of a trial; takes a `TrialJob`. */
export const trialProgram = threadFile("./trialDevice", import.meta.url);
/** The program that embeds the images of a training set; takes an `EmbedJob`. */
export const embedProgram = threadFile("./embedDevice", import.meta.url);
/** The evaluation program; takes an `EvalJob`. */
export const evalProgram = threadFile("./evalDevice", import.meta.url);
/** The program that embeds pictures of the user; takes a `GalleryJob`. */
export const galleryProgram = threadFile("./galleryDevice", import.meta.url);
