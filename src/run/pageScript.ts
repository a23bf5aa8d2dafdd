/** The script of reports, as text with its hash. It is a file of its own, checked like all others and put into pages as it is. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { PageScript } from "../report/index.ts";

/** Reads the script. */
export function pageScript(): PageScript {
  const text = readFileSync(new URL("../report/browser.js", import.meta.url), "utf8");
  return { text, sha256: createHash("sha256").update(text).digest("base64") };
}
