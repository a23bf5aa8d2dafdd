/** Lines for stdout. A reader that has gone (`| head`) must not end a run. */

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
