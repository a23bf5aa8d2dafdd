/** Interruptions: the first asks for a clean end, the second ends at once (the last checkpoint is whole either way). */
import { EXIT } from "./exitCodes.ts";

export type Interruption = "SIGINT" | "SIGTERM";

const SIGNALS: readonly Interruption[] = ["SIGINT", "SIGTERM"];

export function catchSignals(onFirst: () => void): { asked(): Interruption | undefined; release(): void } {
  let asked: Interruption | undefined;
  const listeners = SIGNALS.map((signal) => {
    const listener = (): void => {
      if (asked) process.exit(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
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
