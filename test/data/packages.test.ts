import { describe, expect, it } from "vitest";
import { packageJson } from "../../src/data/packages.ts";

describe("packageJson", () => {
  it("reads a JSON file of an installed package", async () => {
    expect(await packageJson("emojibase-data/package.json", "test", [])).toMatchObject({ license: "MIT" });
  });

  it("names the packages to install if one is missing", async () => {
    const missing = packageJson("@iconify-json/no-such-set/chars.json", "emoji", ["sharp", "emojibase-data"]);
    await expect(missing).rejects.toThrow("emoji: a package is not installed; run: npm install sharp emojibase-data");
    await expect(missing).rejects.toMatchObject({ name: "MissingPackageError" });
  });
});
