/** The openssl command, in a folder of its own. */
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export const hasOpenssl = spawnSync("openssl", ["version"]).stdout?.toString().startsWith("OpenSSL 3") ?? false;

/** RC2 and RC4 live in a module of their own, which some distributions leave out. */
export const hasLegacyOpenssl =
  hasOpenssl && spawnSync("openssl", ["list", "-provider", "legacy", "-providers"]).status === 0;

/** Runs a command, its words parted by blanks; whatever it prints, or an exception with its exit code. */
export async function openssl(cwd: string, command: string): Promise<string> {
  const { stdout, stderr } = await run("openssl", command.split(" "), { cwd, env: { ...process.env, LC_ALL: "C" } });
  return stdout + stderr;
}
