/** A display for work without steps: after two seconds, a terminal shows the elapsed time. */
import { showTime } from "../run/index.ts";
import type { ProgressStream } from "./progress.ts";

const EVERY_MS = 2000;
const CLEAR_LINE = "\r\x1b[K";

/** Shows `what` and the elapsed time on one line of a terminal, else nothing. Returns a function that clears it. */
export function startWaiting(what: string, stream: ProgressStream = process.stderr): () => void {
  if (!stream.isTTY) return () => {};
  const started = performance.now();
  let shown = false;
  const timer = setInterval(() => {
    shown = true;
    stream.write(`${CLEAR_LINE}${what}, ${showTime(Math.floor((performance.now() - started) / 1e3))}`);
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    if (shown) stream.write(CLEAR_LINE);
  };
}
