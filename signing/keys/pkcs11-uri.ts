/**
 * PKCS #11 URIs (RFC 7512), as `p11tool` and OpenSSL print and take them:
 * `pkcs11:token=Release;object=code?module-path=/usr/lib/softhsm/libsofthsm2.so`.
 */
import { ErthError } from "../../runtime/base/errors.ts";

export interface Pkcs11Place {
  /** Path of the maker's library. */
  readonly module: string;
  /** Label or serial number of the token. */
  readonly token?: string;
  /** Label of the private key, or its id as hex. */
  readonly key?: string;
}

const EXAMPLE = "pkcs11:token=Release;object=code?module-path=/usr/lib/softhsm/libsofthsm2.so";
/** Attributes that say what kind of object it is, or repeat what the token tells about itself (§2.3). */
const IGNORED = new Set([
  "type",
  "manufacturer",
  "model",
  "library-manufacturer",
  "library-description",
  "library-version",
  "slot-id",
  "slot-manufacturer",
  "slot-description",
]);

/** Reads a URI. Throws `KEY_CONFIG`; a PIN in it is refused and never shown. */
export function parsePkcs11Uri(uri: string): Pkcs11Place {
  const [, path = "", query = ""] = /^pkcs11:([^?]*)(?:\?(.*))?$/.exec(uri) ?? [];
  if (!uri.startsWith("pkcs11:")) throw wrongUri("it does not begin with pkcs11:");
  const attributes = new Map([...attributesOf(path, ";"), ...attributesOf(query, "&")]);
  const take = (name: string): Buffer | undefined => {
    const value = attributes.get(name);
    attributes.delete(name);
    return value;
  };
  if (attributes.has("pin-value") || attributes.has("pin-source")) {
    throw wrongUri("it names a PIN", "remove pin-value and pin-source, and set passwordEnv to the PIN's variable");
  }
  const [token, serial] = [take("token"), take("serial")];
  const [object, id] = [take("object"), take("id")];
  const module = take("module-path")?.toString("utf8");
  const unknown = [...attributes.keys()].find((name) => !IGNORED.has(name));
  if (unknown !== undefined) throw wrongUri(`the attribute "${unknown.slice(0, 40)}" is not known`);
  if (module === undefined || module === "") {
    throw wrongUri("it has no module-path", `add the library of the token's maker: ${EXAMPLE}`);
  }
  // The serial number is the surer of the two: labels repeat.
  const place = (serial ?? token)?.toString("utf8");
  const key = object?.toString("utf8") ?? id?.toString("hex");
  return { module, ...(place === undefined ? {} : { token: place }), ...(key === undefined ? {} : { key }) };
}

/** §2.3: `name=value` pairs, percent-encoded; a name occurs once. */
function attributesOf(text: string, separator: string): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const pair of text === "" ? [] : text.split(separator)) {
    const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (name === "" || found.has(name))
      throw wrongUri(name === "" ? "a part of it is no name=value" : `"${name}" twice`);
    found.set(name, unescape(value));
  }
  return found;
}

/** Octets, since an id is binary. */
function unescape(value: string): Buffer {
  if (/%(?![0-9A-Fa-f]{2})/.test(value)) throw wrongUri("a percent sign in it is followed by no two hex digits");
  const pieces = value.split(/(%[0-9A-Fa-f]{2})/);
  return Buffer.concat(
    pieces.map((piece) => (/^%..$/.test(piece) ? Buffer.from(piece.slice(1), "hex") : Buffer.from(piece, "utf8"))),
  );
}

function wrongUri(why: string, remedy = `write it as ${EXAMPLE}`): ErthError {
  return new ErthError({ code: "KEY_CONFIG", message: `The PKCS #11 URI cannot be used: ${why}.`, remedy });
}
