/** Lines for stdout. A reader that has gone (`| head`) must not end a run. */

import { printable } from "../formats/index.ts";

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Lines for people: what would steer a terminal is escaped, whoever put it there. */
export const printableLines = (text: string): string => text.replace(/[^\n]+/g, printable);

/** A warning for people, on stderr. */
export const warn = (message: string): void => {
  process.stderr.write(`warning: ${printable(message)}\n`);
};
