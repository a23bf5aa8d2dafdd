/** The memory of the control block, apart from its use: a page that starts devices allocates it without loading the engine. */

/** Words before the first row: a cache line, so that rows do not share one with the abort flag. */
export const HEADER = 16;
/** Words of a rank: two cache lines. */
export const ROW = 32;

/** The control block of a world of `size` devices. */
export const controlBlock = (size: number): SharedArrayBuffer => new SharedArrayBuffer(4 * (HEADER + ROW * size));
