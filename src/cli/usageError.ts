/** The error for an option or an argument that cannot be used. */
import { ConfigError } from "../run/index.ts";

/** An error for the option or argument `key`; `detail` says what to write instead. */
export const usageError = (key: string, detail: string): ConfigError =>
  new ConfigError([{ code: "CONFIG_RANGE", key, detail }]);
