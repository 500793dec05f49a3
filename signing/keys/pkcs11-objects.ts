/** The objects of a PKCS #11 token that signing needs: one private key, and the certificates beside it. */
import type { Attribute, Handle } from "./pkcs11-library.ts";
import { ErthError } from "../../runtime/base/errors.ts";
import { isCode, type OpenModule } from "./pkcs11-module.ts";

export interface TokenKey {
  readonly handle: Handle;
  readonly label: string;
  /** CKA_ID: what ties a key to its certificate. */
  readonly id: Buffer;
  readonly type: "rsa" | "ec";
  /** CKA_ALWAYS_AUTHENTICATE. */
  readonly isAlwaysAsking: boolean;
}

export interface TokenCertificate {
  readonly id: Buffer;
  readonly der: Uint8Array;
}

/** Far more than a token holds. */
const MAX_OBJECTS = 1000;

/** The private key with this label or hex id, or the only one. Throws `KEY_NOT_FOUND`, `KEY_AMBIGUOUS` or `KEY_KIND`. */
export function findPrivateKey(
  module: OpenModule,
  session: Handle,
  wanted: string | undefined,
  tokenName: string,
): TokenKey {
  const { library } = module;
  const all = findObjects(module, session, [{ type: library.CKA_CLASS, value: library.CKO_PRIVATE_KEY }]).map(
    (handle) => ({
      handle,
      label: (readAttribute(module, session, handle, library.CKA_LABEL) ?? Buffer.alloc(0)).toString("utf8"),
      id: readAttribute(module, session, handle, library.CKA_ID) ?? Buffer.alloc(0),
    }),
  );
  const matching =
    wanted === undefined
      ? all
      : all.filter(
          ({ label, id }) => label === wanted || id.toString("hex") === wanted.toLowerCase().replaceAll(":", ""),
        );
  const [key] = matching;
  if (key === undefined || matching.length > 1) {
    const list = all.map(({ label, id }) => `"${label}" (id ${id.toString("hex")})`).join(", ") || "none";
    throw new ErthError({
      code: key === undefined ? "KEY_NOT_FOUND" : "KEY_AMBIGUOUS",
      message: `${tokenName} has ${key === undefined ? "no private key" : `${matching.length} private keys`}${wanted === undefined ? "" : ` named "${wanted}"`}; present: ${list}.`,
      remedy: "set key to the label or the id of the one to use",
    });
  }
  const type = readAttribute(module, session, key.handle, library.CKA_KEY_TYPE)?.readUInt32LE(0);
  if (type !== library.CKK_RSA && type !== library.CKK_EC) {
    throw new ErthError({
      code: "KEY_KIND",
      message: `the key "${key.label}" of ${tokenName} is neither RSA nor ECDSA.`,
      remedy: "use an RSA key of 3072 bits or more, or a P-256 key",
    });
  }
  const asking = readAttribute(module, session, key.handle, library.CKA_ALWAYS_AUTHENTICATE);
  return { ...key, type: type === library.CKK_RSA ? "rsa" : "ec", isAlwaysAsking: asking?.[0] === 1 };
}

/** All X.509 certificates of the token. */
export function readCertificates(module: OpenModule, session: Handle): readonly TokenCertificate[] {
  const { library } = module;
  const handles = findObjects(module, session, [
    { type: library.CKA_CLASS, value: library.CKO_CERTIFICATE },
    { type: library.CKA_CERTIFICATE_TYPE, value: library.CKC_X_509 },
  ]);
  return handles.flatMap((handle) => {
    const der = readAttribute(module, session, handle, library.CKA_VALUE);
    const id = readAttribute(module, session, handle, library.CKA_ID) ?? Buffer.alloc(0);
    return der === undefined || der.length === 0 ? [] : [{ id, der: Uint8Array.from(der) }];
  });
}

function findObjects({ calls }: OpenModule, session: Handle, template: readonly Attribute[]): readonly Handle[] {
  calls.C_FindObjectsInit(session, template);
  try {
    return calls.C_FindObjects(session, MAX_OBJECTS);
  } finally {
    calls.C_FindObjectsFinal(session);
  }
}

function readAttribute(
  { calls, library }: OpenModule,
  session: Handle,
  object: Handle,
  type: number,
): Buffer | undefined {
  try {
    const value = calls.C_GetAttributeValue(session, object, [{ type }])[0]?.value;
    return Buffer.isBuffer(value) ? value : undefined;
  } catch (error) {
    // Tokens may leave optional attributes out.
    if (isCode(error, library.CKR_ATTRIBUTE_TYPE_INVALID)) return undefined;
    throw error;
  }
}
