/** Reads an untrusted cpio archive (`odc`) as a stream: entries in turn, each one's data bounded by its header. */
import { ErthError } from "../../runtime/base/errors.ts";
import { CPIO_HEADER_BYTES, CPIO_MAGIC, CPIO_TRAILER, type CpioEntry } from "./cpio.ts";

export interface CpioMember extends CpioEntry {
  readonly owner: number;
  readonly group: number;
  /** The data; what is not read of it is skipped when the next entry is asked for. */
  read(): AsyncIterable<Uint8Array>;
}

const MAX_NAME_BYTES = 64 << 10;
const MAX_PADDING_BYTES = 64 << 10;
/** Field → where in the header its octal digits are. */
const FIELDS = {
  mode: [18, 24],
  owner: [24, 30],
  group: [30, 36],
  linkCount: [36, 42],
  modifiedAt: [48, 59],
  nameBytes: [59, 65],
  bytes: [65, 76],
} as const;

/** The entries of an archive, up to its trailer. Throws `CPIO_DAMAGED`. */
export async function* readCpio(source: AsyncIterable<Uint8Array>): AsyncGenerator<CpioMember> {
  const input = bytesOf(source);
  try {
    for (;;) {
      const header = Buffer.from(await input.exactly(CPIO_HEADER_BYTES, "a header")).toString("latin1");
      if (!header.startsWith(CPIO_MAGIC)) throw cpioDamaged("a header does not begin with 070707");
      const field = (name: keyof typeof FIELDS): number => {
        const digits = header.slice(...FIELDS[name]);
        if (!/^[0-7]+$/.test(digits)) throw cpioDamaged(`${name} is ${JSON.stringify(digits)}, which is not octal`);
        return Number.parseInt(digits, 8);
      };
      const nameBytes = field("nameBytes");
      if (nameBytes < 1 || nameBytes > MAX_NAME_BYTES) throw cpioDamaged(`a name has ${nameBytes} bytes`);
      const name = Buffer.from(await input.exactly(nameBytes, "a name"));
      if (name.indexOf(0) !== nameBytes - 1) throw cpioDamaged("a name does not end where its header says");
      const path = name.toString("utf8", 0, nameBytes - 1);
      if (path === CPIO_TRAILER) return await input.padding();
      let rest = field("bytes");
      const read = async function* (): AsyncGenerator<Uint8Array> {
        while (rest > 0) {
          const chunk = await input.upTo(rest, path);
          rest -= chunk.length;
          yield chunk;
        }
      };
      const numbers = { mode: field("mode"), owner: field("owner"), group: field("group") };
      yield { path, ...numbers, linkCount: field("linkCount"), modifiedAt: field("modifiedAt"), bytes: rest, read };
      for await (const chunk of read()) void chunk;
    }
  } finally {
    await input.close();
  }
}

interface ByteInput {
  exactly(length: number, what: string): Promise<Uint8Array>;
  /** At least one byte, at most `length`. */
  upTo(length: number, what: string): Promise<Uint8Array>;
  /** Reads to the source's end: zeros that fill a block, and not many. */
  padding(): Promise<void>;
  close(): Promise<void>;
}

function bytesOf(source: AsyncIterable<Uint8Array>): ByteInput {
  const chunks = source[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array();
  const upTo = async (length: number, what: string): Promise<Uint8Array> => {
    while (held.length === 0) {
      const next = await chunks.next();
      if (next.done) throw cpioDamaged(`it ends inside ${what}`);
      held = next.value;
    }
    const taken = held.subarray(0, length);
    held = held.subarray(taken.length);
    return taken;
  };
  return {
    upTo,
    async exactly(length, what) {
      const whole = new Uint8Array(length);
      for (let at = 0; at < length;) {
        const part = await upTo(length - at, what);
        whole.set(part, at);
        at += part.length;
      }
      return whole;
    },
    async padding() {
      let length = 0;
      for (let next: Uint8Array | undefined = held; next !== undefined;) {
        length += next.length;
        if (length > MAX_PADDING_BYTES || next.some((byte) => byte !== 0)) throw cpioDamaged("data follows its end");
        const { done, value } = await chunks.next();
        next = done ? undefined : value;
      }
    },
    async close() {
      await chunks.return?.();
    },
  };
}

function cpioDamaged(what: string): ErthError {
  return new ErthError({
    code: "CPIO_DAMAGED",
    message: `the package's archive (cpio) is damaged: ${what}.`,
    remedy: "make the package again: erth package",
  });
}
