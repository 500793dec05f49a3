/**
 * Writes DER (ITU-T X.690, 2021): every function returns one whole encoded
 * element. An argument that ASN.1 cannot hold is a bug and throws `TypeError`.
 */

/** An element from its identifier octet (`0x30`) and content; the base of all writers. */
export function element(identifier: number, ...content: readonly Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  const header: number[] = [identifier];
  if (length < 0x80) {
    header.push(length);
  } else {
    const octets: number[] = [];
    for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
    header.push(0x80 | octets.length, ...octets);
  }
  const out = new Uint8Array(header.length + length);
  out.set(header);
  let at = header.length;
  for (const part of content) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** SEQUENCE of encoded parts, in the order given. */
export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return element(0x30, ...parts);
}

/** SET OF encoded parts, sorted as DER asks (§11.6). */
export function set(...parts: readonly Uint8Array[]): Uint8Array {
  return element(0x31, ...[...parts].sort((a, b) => Buffer.compare(a, b)));
}

/** OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Uint8Array {
  const arcs = dotted.split(".").map((arc) => (/^(0|[1-9]\d*)$/.test(arc) ? BigInt(arc) : -1n));
  const [first = -1n, second = -1n, ...rest] = arcs;
  if (arcs.includes(-1n) || first > 2n || second < 0n || (first < 2n && second > 39n)) {
    throw new TypeError(`${dotted} is not an object identifier`);
  }
  const octets = [first * 40n + second, ...rest].flatMap((arc) => {
    const base128 = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) base128.unshift(Number(left & 0x7fn) | 0x80);
    return base128;
  });
  return element(0x06, Uint8Array.from(octets));
}

/** INTEGER, two's complement in the fewest octets (§8.3). */
export function integer(value: bigint | number): Uint8Array {
  const octets: number[] = [];
  let rest = BigInt(value);
  do {
    octets.unshift(Number(BigInt.asUintN(8, rest)));
    rest >>= 8n;
  } while (!((rest === 0n && (octets[0] ?? 0) < 0x80) || (rest === -1n && (octets[0] ?? 0) >= 0x80)));
  return element(0x02, Uint8Array.from(octets));
}

/** OCTET STRING. */
export function octetString(bytes: Uint8Array): Uint8Array {
  return element(0x04, bytes);
}

/** BIT STRING of whole octets. */
export function bitString(bytes: Uint8Array): Uint8Array {
  return element(0x03, Uint8Array.of(0), bytes);
}

/** UTF8String. */
export function utf8String(text: string): Uint8Array {
  return element(0x0c, Buffer.from(text, "utf8"));
}

/** PrintableString; a character outside its alphabet is a `TypeError`. */
export function printableString(text: string): Uint8Array {
  if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)) throw new TypeError(`"${text}" does not fit a PrintableString`);
  return element(0x13, Buffer.from(text, "latin1"));
}

/** BMPString: UTF-16, big-endian. */
export function bmpString(text: string): Uint8Array {
  return element(0x1e, Buffer.from(text, "utf16le").swap16());
}

/** NULL. */
export function nullValue(): Uint8Array {
  return element(0x05);
}

/** BOOLEAN. */
export function boolean(value: boolean): Uint8Array {
  return element(0x01, Uint8Array.of(value ? 0xff : 0));
}

/** `[n] EXPLICIT`: the encoded part inside a context tag, `n` up to 30. */
export function explicit(n: number, part: Uint8Array): Uint8Array {
  return element(0xa0 | contextNumber(n), part);
}

/** `[n] IMPLICIT`: an encoded element whose tag becomes the context tag `n` (up to 30); content and form stay. */
export function implicit(n: number, part: Uint8Array): Uint8Array {
  const out = Uint8Array.from(part);
  out[0] = 0x80 | ((part[0] ?? 0) & 0x20) | contextNumber(n);
  return out;
}

/** UTCTime to the second in UTC, for 1950 to 2049 (RFC 5280 §4.1.2.5.1). */
export function utcTime(date: Date): Uint8Array {
  const year = date.getUTCFullYear();
  if (!(year >= 1950 && year < 2050)) throw new TypeError(`the year ${year} does not fit a UTCTime`);
  return element(0x17, Buffer.from(`${digitsOf(date).slice(2)}Z`, "latin1"));
}

/** GeneralizedTime to the second in UTC, for years 0 to 9999. */
export function generalizedTime(date: Date): Uint8Array {
  return element(0x18, Buffer.from(`${digitsOf(date)}Z`, "latin1"));
}

function digitsOf(date: Date): string {
  const text = date.toISOString();
  if (text.length !== 24) throw new TypeError(`${text} does not fit an ASN.1 time`);
  return text.slice(0, 19).replaceAll(/[-T:]/g, "");
}

function contextNumber(n: number): number {
  if (!Number.isInteger(n) || n < 0 || n > 30) throw new TypeError(`${n} is not a context tag of one octet`);
  return n;
}
