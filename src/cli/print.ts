/**
 * Lines for stdout. A reader that has gone (`| head`) must not end a run, and neither must a disk that is full; but where a
 * result could not be written, the process says so and its exit code too.
 */
import { EXIT } from "./exitCodes.ts";

let failed = false;

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE" || failed) return;
  failed = true;
  process.exitCode = EXIT.io;
  process.stderr.write(`siglip: the result cannot be written to standard output: ${error.message}\n`);
});
// Warnings and progress that cannot be written are lost; what they are about goes on.
process.stderr.on("error", () => {});

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
