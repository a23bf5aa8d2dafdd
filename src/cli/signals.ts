/** Signals: the first asks for a clean end, the second ends the process at once; checkpoints stay intact either way. */
import { EXIT, type ExitCode } from "./exitCodes.ts";

/** Ctrl-C, a request to terminate, and a closed terminal or connection. */
const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const;

export type Interruption = keyof typeof CODES;

/** The exit code after a signal. */
export const exitCodeAfter = (signal: Interruption): ExitCode => CODES[signal];

/** Calls `onFirst` at the first signal and exits at the second, until `release`. */
export function catchSignals(onFirst: () => void): { asked(): Interruption | undefined; release(): void } {
  let asked: Interruption | undefined;
  const listeners = (Object.keys(CODES) as Interruption[]).map((signal) => {
    const listener = (): void => {
      if (asked) process.exit(exitCodeAfter(signal));
      asked = signal;
      onFirst();
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  return {
    asked: () => asked,
    release() {
      for (const { signal, listener } of listeners) process.off(signal, listener);
    },
  };
}
