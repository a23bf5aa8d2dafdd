/**
 * Output for people. Neither a closed pipe (`| head`) nor a full disk must end a run; if a result could not be written, the
 * process reports it and exits with 74.
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
// Warnings and progress that cannot be written are lost; the work continues.
process.stderr.on("error", () => {});

/** Prints a line on stdout. */
export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Text with all control characters but line breaks escaped. */
export const printableLines = (text: string): string => text.replace(/[^\n]+/g, printable);

/** Prints a remark on stderr. */
export const note = (message: string): void => {
  process.stderr.write(`${printable(message)}\n`);
};

/** Prints a warning on stderr. */
export const warn = (message: string): void => {
  process.stderr.write(`warning: ${printable(message)}\n`);
};
