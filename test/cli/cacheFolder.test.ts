import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cacheFolder } from "../../src/cli/cacheFolder.ts";

const home = () => "/home/me";
const noHome = (): never => {
  throw new Error("no home");
};

describe("cacheFolder", () => {
  it.each([
    ["the one that is asked for", { SIGLIP_CACHE: "/fast/cache", XDG_CACHE_HOME: "/x" }, "linux", "/fast/cache"],
    ["the user's cache", {}, "linux", "/home/me/.cache/siglip-ts"],
    ["the user's cache where nothing is asked for", { SIGLIP_CACHE: "" }, "linux", "/home/me/.cache/siglip-ts"],
    ["where the desktop keeps it", { XDG_CACHE_HOME: "/var/me" }, "linux", "/var/me/siglip-ts"],
    ["the user's cache, for a relative path", { XDG_CACHE_HOME: "here" }, "linux", "/home/me/.cache/siglip-ts"],
    ["that of macOS", {}, "darwin", "/home/me/Library/Caches/siglip-ts"],
    ["that of Windows", { LOCALAPPDATA: "/c/Local" }, "win32", "/c/Local/siglip-ts"],
    ["that of Windows, unset", {}, "win32", "/home/me/AppData/Local/siglip-ts"],
  ])("is %s", (_, env, platform, expected) => {
    expect(cacheFolder({ env, platform, home })).toBe(join(expected));
  });

  it("is undefined for a user without a home", () => {
    expect(cacheFolder({ env: {}, platform: "linux", home: noHome })).toBeUndefined();
    expect(cacheFolder({ env: { XDG_CACHE_HOME: "/x" }, platform: "linux", home: noHome })).toBe(join("/x/siglip-ts"));
  });
});
