/** Key bytes out of base64 that has been through CI secrets, and the check that they are whole. */
import { ErthError } from "../../runtime/base/errors.ts";
import { parseDer } from "../cms/der.ts";

/** Takes note of a damage that was repaired: `is in quotes`. */
export type Warn = (what: string) => void;

/** The error for key bytes that cannot be used; `why` never quotes them. */
export function keyDamaged(name: string, why: string, remedy = RECODE): ErthError {
  return new ErthError({ code: "KEY_DAMAGED", message: `${name} cannot be read as a key: ${why}.`, remedy });
}

const RECODE =
  "store the file again as one line of base64: base64 -w0 key.p12 (on a Mac: base64 -i key.p12), then type: erth doctor signing";

/** Whether it is a SEQUENCE with a long or indefinite length: no text begins so. */
export function isDer(bytes: Uint8Array): boolean {
  return bytes[0] === 0x30 && (bytes[1] ?? 0) >= 0x80;
}

/** Cuts the element to its own length; too few bytes, or others after it, are damage. */
export function wholeDer(bytes: Uint8Array, name: string, warn: Warn): Uint8Array {
  // U+FFFD in UTF-8, where the length should be: it stands for a byte that was no text.
  if (Buffer.from(bytes.subarray(1, 4)).toString("hex") === "efbfbd") {
    throw keyDamaged(name, "it was a binary file that something read as text, which destroys it");
  }
  const announced = announcedLength(bytes);
  if (announced !== undefined && announced > bytes.length) {
    throw keyDamaged(name, `it is cut short: it announces ${announced} bytes, ${bytes.length} came`);
  }
  const extra = announced === undefined ? new Uint8Array() : bytes.subarray(announced);
  if (extra.some((byte) => ![0, 9, 10, 13, 32].includes(byte))) {
    throw keyDamaged(name, `${extra.length} bytes follow its end: it was changed on the way, or two files were joined`);
  }
  if (extra.length > 0) warn(`has ${extra.length} blank bytes after its end`);
  const der = bytes.subarray(0, announced);
  try {
    parseDer(der, { ber: true, allowTrailing: true });
  } catch (cause) {
    if (!(cause instanceof ErthError)) throw cause;
    throw keyDamaged(name, "its inner structure is broken, as a text conversion of a binary file leaves it");
  }
  return der;
}

/** Bytes of the whole element by its header; undefined for an indefinite length. */
export function announcedLength(bytes: Uint8Array): number | undefined {
  const first = bytes[1] ?? 0;
  if (first < 0x80) return 2 + first;
  if (first === 0x80) return undefined;
  const octets = bytes.subarray(2, 2 + (first & 0x7f));
  return 2 + (first & 0x7f) + octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

/** Strict base64 once the known damage is undone. */
export function decodeBase64(text: string, name: string, warn: Warn): Uint8Array {
  let body = text;
  const data = /^data:[^,]*;base64,/.exec(body);
  if (data) {
    body = body.slice(data[0].length);
    warn("begins as a data: URL");
  }
  if (/%(2B|2F|3D)/i.test(body)) {
    body = body.replaceAll(/%2B/gi, "+").replaceAll(/%2F/gi, "/").replaceAll(/%3D/gi, "=");
    warn("is percent-encoded");
  }
  if (/[-_]/.test(body) && !/[+/]/.test(body)) {
    body = body.replaceAll("-", "+").replaceAll("_", "/");
    warn("has the URL-safe alphabet");
  }
  // Lines are how base64 tools write; other blanks are damage, or plus signs that a form has eaten.
  body = body.replaceAll("\n", "");
  if (!/[ \t]/.test(body)) return decodePacked(body, name, warn);
  const asPlus = body.replaceAll(" ", "+");
  const isPlus = /^[A-Za-z0-9+/]+={0,2}$/.test(asPlus) && fitsItsLength(Buffer.from(asPlus, "base64"));
  warn(isPlus ? "has blanks where plus signs were" : "has blanks inside");
  return decodePacked(isPlus ? asPlus : body.replaceAll(/[ \t]/g, ""), name, warn);
}

function decodePacked(body: string, name: string, warn: Warn): Uint8Array {
  const digits = body.replace(/=+$/, "");
  const wrong = /[^A-Za-z0-9+/]/.exec(digits);
  if (wrong) {
    const [character] = wrong;
    const why =
      character === "="
        ? `padding in the middle, at character ${wrong.index + 1}: two files were joined`
        : `${JSON.stringify(character)} at character ${wrong.index + 1} is not of the base64 alphabet`;
    throw keyDamaged(name, why);
  }
  if (digits.length % 4 === 1) throw keyDamaged(name, `its ${digits.length} base64 digits are one too many or too few`);
  if (body.length % 4 !== 0) warn("lacks its padding");
  return Buffer.from(digits, "base64");
}

function fitsItsLength(bytes: Uint8Array): boolean {
  return isDer(bytes) && announcedLength(bytes) === bytes.length;
}
