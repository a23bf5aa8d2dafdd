/** Where rendered pictures are kept: `SIGLIP_CACHE`, or the folder `siglip-ts` where the system keeps caches of this user. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  /** May throw: not every user has a home. */
  readonly home: () => string;
}

/** Undefined where the user has no home: then pictures stay in memory. */
export function cacheFolder(
  { env, platform, home }: Surroundings = { env: process.env, platform: process.platform, home: homedir },
): string | undefined {
  const { SIGLIP_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = env;
  if (SIGLIP_CACHE) return SIGLIP_CACHE;
  try {
    if (platform === "win32") return join(LOCALAPPDATA || join(home(), "AppData", "Local"), "siglip-ts");
    if (platform === "darwin") return join(home(), "Library", "Caches", "siglip-ts");
    // The specification of XDG_CACHE_HOME says that a relative path counts as none.
    const isSet = XDG_CACHE_HOME !== undefined && isAbsolute(XDG_CACHE_HOME);
    return join(isSet ? XDG_CACHE_HOME : join(home(), ".cache"), "siglip-ts");
  } catch {
    return undefined;
  }
}
