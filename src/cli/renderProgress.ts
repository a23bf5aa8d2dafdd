/** Progress of rendering pictures that are not yet in the cache. */

export function showRendering(stream: NodeJS.WriteStream = process.stderr): (done: number, total: number) => void {
  let drawn = 0;
  return (done, total) => {
    if (done < total && done - drawn < total / (stream.isTTY ? 200 : 5)) return;
    drawn = done;
    const line = `preparing pictures (once): ${done} of ${total}`;
    stream.write(stream.isTTY ? `\r${line}${done === total ? "\n" : ""}` : `${line}\n`);
  };
}
