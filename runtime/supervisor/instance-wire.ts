/**
 * What two starts of an app say to each other. The later one sends one line:
 * its arguments, or `null` to only ask. The other answers `wait` while it is
 * not yet sure to be the first, then `first`, or hangs up and so gives way.
 */
import { connect, type Server, type Socket } from "node:net";
import { systemCode } from "../base/errors.ts";

/**
 * `first`: that process is the app. `undecided`: it may become so. `gone`: it
 * hung up. `dead`: nobody listens, so the address is left over from a crash.
 */
export type Answer = "first" | "undecided" | "gone" | "dead";

const LINE_LIMIT = 256 * 1024;
/** Who accepts but never answers is hung, and the first all the same. */
const ANSWER_LIMIT_MS = 5000;

/** Hands the arguments to whoever listens and waits until that one is decided. Rejects where the OS refuses to connect at all. */
export function hand(address: string, argv: readonly string[]): Promise<Answer> {
  return converse(address, `${JSON.stringify(argv)}\n`, (word) => word !== "wait");
}

/** Asks whoever listens what it is, without waiting for it to be decided. */
export function ask(address: string): Promise<Answer> {
  return converse(address, "null\n", () => true);
}

function converse(address: string, line: string, isFinal: (word: string) => boolean): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    let heard = "";
    let isConnected = false;
    const settle = (answer: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => settle("first"), ANSWER_LIMIT_MS);
    socket.setEncoding("utf8");
    socket.on("connect", () => {
      isConnected = true;
      socket.write(line);
    });
    socket.on("data", (text) => {
      heard += String(text);
      const word = heard.split("\n").slice(0, -1).find(isFinal);
      if (word !== undefined) settle(word === "first" ? "first" : "undecided");
    });
    socket.on("error", (error) => {
      const code = systemCode(error);
      if (isConnected) return settle("gone");
      // Its queue is full, so it lives.
      if (code === "EAGAIN") return settle("first");
      if (code === "ECONNREFUSED" || code === "ENOENT") return settle("dead");
      clearTimeout(timer);
      reject(error);
    });
    socket.on("close", () => settle("gone"));
  });
}

export interface Reception {
  /** From now on the answer is `first`; those that wait get it, and their arguments are passed on. */
  confirm(): void;
  /** Hangs up on everyone. */
  dismiss(): void;
}

/** Answers on `server`; `onSecond` gets the arguments of each later start. */
export function receive(server: Server, onSecond: (argv: readonly string[]) => void): Reception {
  const sockets = new Set<Socket>();
  const waiting: (() => void)[] = [];
  let isConfirmed = false;
  server.on("connection", (socket) => {
    let line = "";
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // The other start may be killed at any time; there is nothing to do about it.
    socket.on("error", () => socket.destroy());
    socket.setEncoding("utf8");
    socket.on("data", (text) => {
      line += String(text);
      if (line.length > LINE_LIMIT) return void socket.destroy();
      if (!line.endsWith("\n")) return;
      const argv = parseArgv(line);
      if (argv === undefined) return void socket.destroy();
      const answer = (): void => {
        socket.end("first\n");
        if (argv !== null) onSecond(argv);
      };
      if (isConfirmed) return answer();
      socket.write("wait\n");
      if (argv !== null) waiting.push(answer);
    });
  });
  return {
    confirm: () => {
      isConfirmed = true;
      for (const answer of waiting.splice(0)) answer();
    },
    dismiss: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The arguments of a line, null for a mere question, undefined if it is anything else. */
export function parseArgv(line: string): readonly string[] | null | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // Not one of ours; the caller hangs up.
    return undefined;
  }
  if (value === null) return null;
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
}
