/**
 * Other libraries: programs in `peers` that do the same work and print results and time as a line of JSON. Each contains its
 * own model, runs where its library is installed, and is written in the style of that library.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

export interface Peer {
  /** The name of its script in `peers`, or the path of another one. */
  readonly script: string;
  readonly args?: readonly (string | number)[];
}

/** Output of a peer: the best seconds, and its results. */
export interface PeerResult {
  readonly seconds: number;
  readonly [figure: string]: number;
}

const scriptOf = ({ script }: Peer): string => resolve(import.meta.dirname, "peers", script);
const argsOf = ({ args = [] }: Peer): string[] => args.map(String);

/** Runs a Python script. Undefined without a Python, or if the script fails, with a warning. */
export const pythonPeer = (python: string | undefined, peer: Peer): Promise<PeerResult | undefined> =>
  python === undefined ? Promise.resolve(undefined) : resultOf(peer, python, [scriptOf(peer), ...argsOf(peer)]);

/**
 * Runs a script on this Node in the folder `peers`, where it finds its packages. Undefined if `needs` is not installed, or if
 * the script fails.
 */
export async function nodePeer(peers: string | undefined, needs: string, peer: Peer): Promise<PeerResult | undefined> {
  if (peers === undefined || !existsSync(join(peers, "node_modules", needs))) return undefined;
  const text = await readFile(scriptOf(peer), "utf8");
  return resultOf(peer, process.execPath, ["--input-type=module", "--eval", text, "--", ...argsOf(peer)], peers);
}

async function resultOf(peer: Peer, program: string, args: string[], cwd?: string): Promise<PeerResult | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { ...(cwd === undefined ? {} : { cwd }) });
    const figures = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as PeerResult;
    if (!(figures.seconds > 0)) throw new Error(`seconds is ${figures.seconds}`);
    return figures;
  } catch (error) {
    const { message, stderr = "" } = error as Error & { stderr?: string };
    // Python prints the error last, Node before the stack.
    const why = /^\w*Error(?: \[\w+\])?: .*$/m.exec(stderr)?.[0] ?? message.trim().split("\n").at(-1);
    process.stderr.write(`warning: ${peer.script} ${argsOf(peer).join(" ")} failed and is left out: ${why}\n`);
    return undefined;
  }
}

/**
 * The seconds of a peer. Throws if one of its results differs from `ours` by more than `tolerance` (relative): then it did
 * different work. Sums in float32 in another order differ by far less than the default.
 */
export function secondsOf(
  script: string,
  ours: Readonly<Record<string, number>>,
  theirs: PeerResult | undefined,
  tolerance = 1e-4,
): number | undefined {
  for (const [figure, value] of Object.entries(theirs === undefined ? {} : ours)) {
    const other = theirs?.[figure] ?? Number.NaN;
    if (!(Math.abs(other / value - 1) < tolerance)) {
      throw new Error(`${script}: ${figure} is ${value} here and ${other} there; it is not the same work`);
    }
  }
  return theirs?.seconds;
}
