/** Step 1 of `protocol.ts` on the child's side: the Hello line, read from stdin before anything else runs. */
import { readSync } from "node:fs";
import { isAbsolute } from "node:path";
import { isatty } from "node:tty";
import { ErthError, systemCode } from "../base/errors.ts";
import { PROTOCOL_VERSION, type Hello } from "./protocol.ts";

/** A Hello is some 400 bytes; more than this is not one. */
export const HELLO_LIMIT_BYTES = 64 * 1024;

const EAGAIN_PAUSE_MS = 2;

function notOurParent(what: string): ErthError {
  return new ErthError({
    code: "SIDECAR_HELLO",
    message: `the sidecar got no Hello line: ${what}.`,
    remedy: "start the app itself: the sidecar is one of its parts and is started by it",
  });
}

/** Reads up to the first line feed of `fd`, blocking; throws `SIDECAR_HELLO` on a terminal, an early end or 64 KiB without one. */
export function readHelloLine(fd = 0): string {
  if (isatty(fd)) throw notOurParent("stdin is a terminal");
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  // One byte at a time, so that what follows the line stays in the pipe for the lifeline.
  while (readByte(fd, one)) {
    const byte = one[0] ?? 0;
    if (byte === 0x0a) return Buffer.from(bytes).toString("utf8");
    bytes.push(byte);
    if (bytes.length > HELLO_LIMIT_BYTES) throw notOurParent(`its first line is over ${HELLO_LIMIT_BYTES} bytes`);
  }
  throw notOurParent(bytes.length === 0 ? "stdin is empty" : `stdin ended inside its first line`);
}

function readByte(fd: number, one: Uint8Array): boolean {
  for (;;) {
    try {
      return readSync(fd, one, 0, 1, null) === 1;
    } catch (thrown) {
      const code = systemCode(thrown);
      // Windows reports the end of a pipe as an error; a non-blocking stdin asks to come again.
      if (code === "EOF") return false;
      if (code !== "EAGAIN") throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, EAGAIN_PAUSE_MS);
    }
  }
}

/** The Hello of a line; throws `SIDECAR_HELLO` naming the first field that is wrong, never its value. */
export function parseHello(line: string): Hello {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // The parser's own message would quote the line, which may hold the secret.
    throw notOurParent("its first line is not JSON");
  }
  const { v, secret, dataFolder, cacheFolder, app } = fields(value, "the line");
  if (v !== PROTOCOL_VERSION) {
    throw notOurParent(`it is of protocol version ${Number(v)}, this sidecar speaks ${PROTOCOL_VERSION}`);
  }
  const { name, identifier, version } = fields(app, "app");
  const checkedSecret = text(secret, "secret");
  if (!/^[0-9a-f]{64}$/.test(checkedSecret)) throw notOurParent("secret is not 32 bytes of hex");
  return {
    v: PROTOCOL_VERSION,
    secret: checkedSecret,
    dataFolder: folder(dataFolder, "dataFolder"),
    cacheFolder: folder(cacheFolder, "cacheFolder"),
    app: {
      name: text(name, "app.name"),
      identifier: text(identifier, "app.identifier"),
      version: text(version, "app.version"),
    },
  };
}

function fields(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw notOurParent(`${field} is not an object`);
  }
  return Object.fromEntries(Object.entries(value));
}

function text(value: unknown, field: string): string {
  if (typeof value !== "string" || value === "") throw notOurParent(`${field} is not a text`);
  return value;
}

function folder(value: unknown, field: string): string {
  const path = text(value, field);
  if (!isAbsolute(path)) throw notOurParent(`${field} is not an absolute path`);
  return path;
}
