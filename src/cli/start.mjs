/** Starts main.ts, or explains why this Node cannot. In JavaScript, so that every Node can run it. */
if (process.features.typescript) {
  await import("./main.ts");
} else {
  process.stderr.write(
    `siglip: Node ${process.versions.node} does not run TypeScript; run npm ci, which brings a Node that does, or use Node 22.18 or later\n`,
  );
  process.exitCode = 2;
}
