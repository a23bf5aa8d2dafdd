/** The folder of rendered pictures and compiled code: `SIGLIP_CACHE`, or `siglip-ts` in the user's cache folder. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  /** Throws if the user has no home. */
  readonly home: () => string;
}

/** The cache folder; undefined if the user has no home: then pictures stay in memory. */
export function cacheFolder(
  { env, platform, home }: Surroundings = { env: process.env, platform: process.platform, home: homedir },
): string | undefined {
  const { SIGLIP_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = env;
  if (SIGLIP_CACHE) return SIGLIP_CACHE;
  try {
    if (platform === "win32") return join(LOCALAPPDATA || join(home(), "AppData", "Local"), "siglip-ts");
    if (platform === "darwin") return join(home(), "Library", "Caches", "siglip-ts");
    // By the specification, a relative XDG_CACHE_HOME is ignored.
    const isSet = XDG_CACHE_HOME !== undefined && isAbsolute(XDG_CACHE_HOME);
    return join(isSet ? XDG_CACHE_HOME : join(home(), ".cache"), "siglip-ts");
  } catch {
    return undefined;
  }
}
