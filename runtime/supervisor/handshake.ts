/** Step 2 of `protocol.ts` on the parent's side: exactly one Ready line on fd 3. Its bytes are not trusted. */
import { PROTOCOL_VERSION, type Ready } from "../sidecar/protocol.ts";

/** A Ready line is some 40 bytes; more than this is not one. */
export const READY_LIMIT_BYTES = 4096;

export type HandshakeStep =
  | { readonly kind: "waiting" }
  | { readonly kind: "ready"; readonly ready: Ready }
  /** The reason, fit for the log and the error page. */
  | { readonly kind: "fault"; readonly reason: string };

export interface Handshake {
  /** Takes the next bytes of fd 3, also after `ready`: whatever follows the line is a fault. */
  push(chunk: Uint8Array): HandshakeStep;
}

export function createHandshake(): Handshake {
  let held = Buffer.alloc(0);
  let isDone = false;
  const fault = (reason: string): HandshakeStep => {
    isDone = true;
    held = Buffer.alloc(0);
    return { kind: "fault", reason };
  };
  return {
    push: (chunk) => {
      if (chunk.length === 0) return { kind: "waiting" };
      if (isDone) return fault("the sidecar wrote more than one line on fd 3");
      const end = held.length + chunk.indexOf(0x0a);
      const hasEnd = end >= held.length;
      held = Buffer.concat([held, chunk]);
      if ((hasEnd ? end : held.length) > READY_LIMIT_BYTES) {
        return fault(`the sidecar's line on fd 3 is over ${READY_LIMIT_BYTES} bytes`);
      }
      if (!hasEnd) return { kind: "waiting" };
      if (held.length > end + 1) return fault("the sidecar wrote more than one line on fd 3");
      const ready = parseReady(held.toString("utf8", 0, end));
      if (typeof ready === "string") return fault(ready);
      isDone = true;
      return { kind: "ready", ready };
    },
  };
}

/** The Ready of a line, or the reason why it is none. */
function parseReady(line: string): Ready | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return `the sidecar wrote garbage on fd 3: ${excerpt(line)}`;
  }
  if (typeof value !== "object" || value === null || !("v" in value)) {
    return `the sidecar wrote garbage on fd 3: ${excerpt(line)}`;
  }
  if (value.v !== PROTOCOL_VERSION) {
    return `the sidecar speaks protocol version ${JSON.stringify(value.v).slice(0, 60)}, this app speaks ${PROTOCOL_VERSION}`;
  }
  const port = "port" in value ? value.port : undefined;
  const pid = "pid" in value ? value.pid : undefined;
  if (!isWhole(port, 65_535) || !isWhole(pid, Number.MAX_SAFE_INTEGER)) {
    return `the sidecar's line on fd 3 has no usable port and pid: ${excerpt(line)}`;
  }
  return { v: PROTOCOL_VERSION, port, pid };
}

function isWhole(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max;
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
