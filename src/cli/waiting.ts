/** Work that has no steps to count: whoever waits at a terminal for more than two seconds is told that it goes on, and for how long. */
import type { ProgressStream } from "./progress.ts";

const EVERY_MS = 2000;
const CLEAR_LINE = "\r\x1b[K";

/** Says `what` with the seconds since now, on one line of a terminal; nothing elsewhere. Returns what takes the line away. */
export function startWaiting(what: string, stream: ProgressStream = process.stderr): () => void {
  if (!stream.isTTY) return () => {};
  const started = performance.now();
  let shown = false;
  const timer = setInterval(() => {
    shown = true;
    stream.write(`${CLEAR_LINE}${what}, ${Math.round((performance.now() - started) / 1e3)} s`);
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    if (shown) stream.write(CLEAR_LINE);
  };
}
