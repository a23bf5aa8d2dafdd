/** Folders on the disk of this machine that are removed when a test ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "siglip-test-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
