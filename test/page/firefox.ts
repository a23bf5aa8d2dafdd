/**
 * The Firefox of this machine, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi), which it speaks by itself.
 *
 * playwright-core drives a Firefox of its own, which no package registry has; its client for BiDi needs commands that Firefox ESR
 * lacks.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The path of a Firefox; undefined if there is none. */
export const firefoxPath = (): string | undefined =>
  process.env.FIREFOX ?? ["/usr/bin/firefox-esr", "/usr/bin/firefox"].find(existsSync);

/** A page in a tab of Firefox. */
export interface FirefoxPage {
  /** Errors on the console, requests to other origins and failed ones. */
  readonly problems: string[];
  /** Calls a function in the page; it may use nothing from outside but its argument. */
  evaluate<A, R>(call: (argument: A) => R | Promise<R>, argument: A): Promise<R>;
  /** Runs a script in the page. */
  run(script: string): Promise<unknown>;
  /** Presses a key while the element has the focus. */
  press(selector: string, key: string): Promise<void>;
  /** Chooses files in a file field. */
  setFiles(selector: string, files: readonly string[]): Promise<void>;
}

/** A running Firefox. */
export interface Firefox {
  /** Opens an address in a new tab that is `width` pixels wide. */
  open(address: string, options?: { readonly width?: number }): Promise<FirefoxPage>;
  close(): Promise<void>;
}

/** Nothing that a test does not need: no first run, no updates, no reports. */
const SETTINGS = {
  "app.update.auto": false,
  "app.normandy.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "toolkit.telemetry.enabled": false,
  "ui.prefersReducedMotion": 1,
};

type Json = Readonly<Record<string, unknown>>;
type Send = <R = Json>(method: string, parameters: Json) => Promise<R>;
type Listener = (method: string, parameters: Json) => void;

/** The keys that BiDi has no letters for. */
const KEYS: Readonly<Record<string, string>> = { Enter: "\uE007", End: "\uE010", Home: "\uE011", ArrowRight: "\uE014" };

/** Starts Firefox with a fresh profile. */
export async function startFirefox(): Promise<Firefox> {
  const profile = mkdtempSync(join(tmpdir(), "siglip-page-firefox-"));
  const settings = Object.entries(SETTINGS).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`);
  writeFileSync(join(profile, "user.js"), settings.join("\n"));
  const args = ["--headless", "--remote-debugging-port", "0", "--profile", profile, "--no-remote", "about:blank"];
  const firefox = spawn(firefoxPath() as string, args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => firefox.once("exit", () => resolve()));
  const { send, listeners, hangUp } = await connect(`${await addressOf(firefox)}/session`);
  await send("session.new", { capabilities: {} });
  const events = ["log.entryAdded", "network.beforeRequestSent", "network.responseCompleted", "network.fetchError"];
  await send("session.subscribe", { events });
  return {
    async open(address, { width = 1024 } = {}) {
      const { context } = await send<{ context: string }>("browsingContext.create", { type: "tab" });
      await send("browsingContext.setViewport", { context, viewport: { width, height: 900 } });
      const problems: string[] = [];
      listeners.push(problemsTo(problems, context, new URL(address).origin));
      await send("browsingContext.navigate", { context, url: address, wait: "complete" });
      return pageOf(send, context, problems);
    },
    async close() {
      await send("browser.close", {}).catch(() => firefox.kill());
      hangUp();
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The address that Firefox prints when it listens. */
function addressOf({ stderr }: ChildProcess): Promise<string> {
  let printed = "";
  return new Promise((resolve, reject) => {
    stderr?.on("data", (piece) => {
      printed += piece;
      const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(printed) ?? [];
      if (address) resolve(address);
    });
    stderr?.once("end", () => reject(new Error(`Firefox ended before it listened: ${printed}`)));
  });
}

/** Commands and events over a WebSocket. */
async function connect(
  address: string,
): Promise<{ readonly send: Send; readonly listeners: Listener[]; hangUp(): void }> {
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error(`no connection to ${address}`)));
  });
  const waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  const listeners: Listener[] = [];
  let sent = 0;
  socket.addEventListener("message", ({ data }) => {
    const { id, method, params, result, error, message } = JSON.parse(data);
    if (id === undefined || id === null) for (const listener of listeners) listener(method, params);
    else if (error) waiting.get(id)?.reject(new Error(`${error}: ${message}`));
    else waiting.get(id)?.resolve(result as never);
    waiting.delete(id);
  });
  socket.addEventListener("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("Firefox has closed the connection"));
  });
  const send: Send = (method, params) =>
    new Promise((resolve, reject) => {
      waiting.set(++sent, { resolve, reject });
      socket.send(JSON.stringify({ id: sent, method, params }));
    });
  return { send, listeners, hangUp: () => socket.close() };
}

/** Collects what goes wrong in a tab. */
const problemsTo =
  (problems: string[], context: string, origin: string): Listener =>
  (method, parameters) => {
    const { source, level, text, request, response, errorText } = parameters as {
      readonly source?: { readonly context?: string };
      readonly level?: string;
      readonly text?: string;
      readonly request?: { readonly url: string };
      readonly response?: { readonly status: number };
      readonly errorText?: string;
    };
    if ((source?.context ?? parameters.context) !== context) return;
    if (method === "log.entryAdded" && level === "error") problems.push(text ?? "an error");
    if (!request || /^(data|blob):/.test(request.url)) return;
    if (!request.url.startsWith(origin)) problems.push(`request to ${request.url}`);
    if (response && response.status >= 400) problems.push(`${response.status} ${request.url}`);
    // A page that is reloaded or closed aborts what it still loads.
    if (method === "network.fetchError" && errorText !== "NS_BINDING_ABORTED")
      problems.push(`${errorText} ${request.url}`);
  };

/** What a test does with a tab. */
function pageOf(send: Send, context: string, problems: string[]): FirefoxPage {
  interface Evaluated {
    readonly type: string;
    readonly result: { readonly value?: string; readonly sharedId?: string };
    readonly exceptionDetails?: { readonly text: string };
  }
  const run = async (expression: string): Promise<Evaluated["result"]> => {
    const parameters = { expression, awaitPromise: true, target: { context } };
    const { type, result, exceptionDetails } = await send<Evaluated>("script.evaluate", parameters);
    if (type !== "success") throw new Error(exceptionDetails?.text);
    return result;
  };
  const find = (selector: string): string => `document.querySelector(${JSON.stringify(selector)})`;
  return {
    problems,
    run,
    async evaluate(call, argument) {
      const called = `(async () => JSON.stringify(await (${call})(${JSON.stringify(argument)})))()`;
      const { value } = await run(called);
      return value === undefined ? (undefined as never) : JSON.parse(value);
    },
    async press(selector, key) {
      await run(`${find(selector)}.focus()`);
      const value = KEYS[key] ?? key;
      const actions = [{ type: "keyDown", value }, { type: "keyUp", value }]; // biome-ignore format: a line
      await send("input.performActions", { context, actions: [{ type: "key", id: "keyboard", actions }] });
    },
    async setFiles(selector, files) {
      const { sharedId } = await run(find(selector));
      await send("input.setFiles", { context, element: { sharedId }, files });
    },
  };
}
