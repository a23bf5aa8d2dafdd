/**
 * Runs the commands that another process sends, one after another. Each evaluates src/cli/main.ts anew, while the modules below
 * it stay loaded and kernels stay chosen.
 */
import type { Command, Finished } from "./cli.ts";

const MAIN = new URL("../../src/cli/main.ts", import.meta.url);
let count = 0;

/** Keeps what is written to a stream, and returns a function that ends this and returns the text. */
function capture(stream: NodeJS.WriteStream, onText: (text: string) => void = () => {}): () => string {
  const { write } = stream;
  let text = "";
  stream.write = (chunk: Uint8Array | string, encodingOrDone?: unknown, done?: () => void): boolean => {
    const written = typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
    text += written;
    onText(written);
    (typeof encodingOrDone === "function" ? encodingOrDone : done)?.();
    return true;
  };
  return () => {
    stream.write = write;
    return text;
  };
}

/** Sets variables of the environment, and returns a function that restores them. */
function setEnvironment(env: Command["env"]): () => void {
  const before = { ...process.env };
  Object.assign(process.env, env);
  return () => {
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  };
}

async function run({ args, cwd, env, signal }: Command): Promise<Finished> {
  process.argv = [process.execPath, MAIN.pathname, ...args];
  process.exitCode = undefined;
  process.chdir(cwd);
  const restore = setEnvironment(env);
  let due = signal;
  const stdout = capture(process.stdout);
  const stderr = capture(process.stderr, (text) => {
    if (due === undefined || !/step \d/.test(text)) return;
    process.kill(process.pid, due);
    due = undefined;
  });
  await import(`${MAIN.href}?${count++}`);
  await new Promise(setImmediate); // what devices have written arrives
  restore();
  return { code: Number(process.exitCode ?? 0), stdout: stdout(), stderr: stderr() };
}

process.on("message", async (command: Command) => process.send!(await run(command)));
