/** Any sidecar that keeps the contract, started as its supervisor would and asked as its window would. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { BOOT_PATH, newBootTicket, newSecret, PROTOCOL_VERSION } from "../../runtime/sidecar/protocol.ts";

export interface Sidecar {
  readonly child: ChildProcess;
  /** With the cookie of the boot address. */
  ask(path: string, init?: RequestInit): Promise<Response>;
}

/** Starts the command with its data and cache in `home`, and waits until it serves. */
export async function startSidecar(
  [file, ...args]: readonly [string, ...string[]],
  home: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Sidecar> {
  const secret = newSecret();
  const child = spawn(file, args, { stdio: ["pipe", "inherit", "inherit", "pipe"], cwd: tmpdir(), env });
  const app = { name: "ERTH Assistant", identifier: "dev.erth.assistant", version: "0.1.0" };
  const hello = { v: PROTOCOL_VERSION, secret, dataFolder: home, cacheFolder: home, app };
  child.stdin?.on("error", () => {});
  child.stdin?.write(`${JSON.stringify(hello)}\n`);
  // Node types the fourth pipe as either end; it is the child's to write.
  const lines = createInterface(child.stdio[3] as Readable);
  const [line] = (await Promise.race([once(lines, "line"), once(child, "exit").then(() => [""])])) as [string];
  if (line === "") throw new Error(`${file} ended with ${child.exitCode ?? child.signalCode} before it served`);
  const origin = `http://127.0.0.1:${JSON.parse(line).port}`;
  const boot = await fetch(`${origin}${BOOT_PATH}${newBootTicket(secret, Date.now())}`, { redirect: "manual" });
  const cookie = boot.headers.get("set-cookie")?.split(";")[0] ?? "";
  const headers = { cookie, origin, "HX-Request": "true", "HX-Current-URL": `${origin}/` };
  return { child, ask: (path, init) => fetch(`${origin}${path}`, { ...init, headers }) };
}

/** Ends it in order; its exit code. */
export async function stopSidecar({ child }: Sidecar): Promise<number | null> {
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const [code] = (await exited) as [number | null];
  return code;
}

/** Titles of the todos in a page or fragment of ERTH Assistant. */
export function titlesOf(html: string): readonly string[] {
  return [...html.matchAll(/class="title"[^>]*>([^<]*)</g)].map((match) => match[1] ?? "");
}
