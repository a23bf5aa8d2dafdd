/**
 * Lines for stdout. A reader that has gone (`| head`) must not end a run, and neither must a disk that is full; but where a
 * result could not be written, the process says so and its exit code too.
 */
import { printable } from "../formats/index.ts";
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

/** Lines for people: what would steer a terminal is escaped, whoever put it there. */
export const printableLines = (text: string): string => text.replace(/[^\n]+/g, printable);

/** A warning for people, on stderr. */
export const warn = (message: string): void => {
  process.stderr.write(`warning: ${printable(message)}\n`);
};
