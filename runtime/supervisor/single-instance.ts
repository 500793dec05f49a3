/**
 * One app, one process: the first start keeps a socket open, later ones hand
 * it their arguments. The OS closes the socket with the process, so a crash
 * never locks the user out.
 *
 * On Windows a pipe's name is exclusive and vanishes with its owner. A Unix
 * socket leaves its file behind, and deleting a stale one by name can delete a
 * live one that has just taken the name. So every start has a name of its own:
 *
 * 1. Listen under a private name, then rename it to `<random>.sock`: what can
 *    be seen is listening, and a refused connection means a dead owner.
 * 2. Ask every other socket. Dead: remove it (its name is never used again).
 *    First: we are second. Undecided: the larger name gives way at once and
 *    starts over; the smaller waits until the larger has, or turns out to have
 *    looked before we could be seen and so is the first.
 * 3. Nobody left: we are the first, and answer those who wait.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { ErthError, systemCode } from "../base/errors.ts";
import type { AppFolders } from "../base/folders.ts";
import { pipeName, socketFolder } from "./instance-address.ts";
import { ask, hand, receive, type Reception } from "./instance-wire.ts";

export type InstanceClaim = { readonly first: true; release(): Promise<void> } | { readonly first: false };

const TRIES = 50;
/** A start that died between its two names leaves a file behind; nobody lives this long in between. */
const LEFTOVER_MS = 60_000;

/**
 * Claims to be the only instance of the app. `onSecond` gets the arguments of
 * each later start, whose claim says `first: false`. Of any number of
 * simultaneous starts exactly one is first.
 */
export async function claimSingleInstance(
  folders: AppFolders,
  identifier: string,
  argv: readonly string[],
  onSecond: (argv: readonly string[]) => void,
): Promise<InstanceClaim> {
  for (let round = 0; round < TRIES; round += 1) {
    const claim =
      process.platform === "win32"
        ? await tryPipe(pipeName(identifier), argv, onSecond)
        : await trySocket(socketFolder(folders, identifier), argv, onSecond);
    if (claim !== undefined) return claim;
    await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20));
  }
  throw new ErthError({
    code: "INSTANCE_UNDECIDED",
    message: `${TRIES} tries did not settle which start of ${identifier} is the first.`,
    remedy: "close every window of the app and start it again",
  });
}

async function tryPipe(
  name: string,
  argv: readonly string[],
  onSecond: (argv: readonly string[]) => void,
): Promise<InstanceClaim | undefined> {
  const server = createServer();
  const reception = receive(server, onSecond);
  try {
    await listen(server, name);
  } catch (thrown) {
    if (systemCode(thrown) !== "EADDRINUSE") throw thrown;
    return (await hand(name, argv)) === "first" ? { first: false } : undefined;
  }
  reception.confirm();
  return { first: true, release: () => end(server, reception) };
}

async function trySocket(
  folder: string,
  argv: readonly string[],
  onSecond: (argv: readonly string[]) => void,
): Promise<InstanceClaim | undefined> {
  // A running first is the usual case: no socket of our own is needed to find it.
  for (const name of socketsIn(folder)) if ((await hand(join(folder, name), argv)) === "first") return { first: false };

  const own = `${randomBytes(8).toString("hex")}.sock`;
  const path = join(folder, own);
  const hidden = path.replace(/\.sock$/, ".new");
  const server = createServer();
  const reception = receive(server, onSecond);
  const withdraw = async (): Promise<void> => {
    rmSync(path, { force: true });
    await end(server, reception);
  };
  await listen(server, hidden);
  try {
    renameSync(hidden, path);
    for (const name of socketsIn(folder)) {
      if (name === own) continue;
      const other = join(folder, name);
      const answer = name < own ? await ask(other) : await hand(other, argv);
      if (answer === "dead") rmSync(other, { force: true });
      if (answer !== "first" && answer !== "undecided") continue;
      await withdraw();
      // Only `hand` has told it our arguments; after a mere question the next round does.
      return answer === "first" && name > own ? { first: false } : undefined;
    }
  } catch (thrown) {
    await withdraw();
    throw thrown;
  }
  reception.confirm();
  return { first: true, release: withdraw };
}

function socketsIn(folder: string): readonly string[] {
  const names = readdirSync(folder);
  for (const name of names) {
    if (!name.endsWith(".new")) continue;
    const facts = statSync(join(folder, name), { throwIfNoEntry: false });
    if (facts !== undefined && Date.now() - facts.mtimeMs > LEFTOVER_MS) rmSync(join(folder, name), { force: true });
  }
  return names.filter((name) => name.endsWith(".sock")).sort();
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function end(server: Server, reception: Reception): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    reception.dismiss();
  });
}
