/**
 * A key in a PKCS #11 token: smart card, USB key, network HSM. Follows PKCS #11
 * v2.40: `CKM_RSA_PKCS` over a DigestInfo that we build, `CKM_ECDSA` over the
 * bare digest. The PIN is tried once, because tokens lock themselves.
 */
import type { Handle, Pkcs11Library } from "./pkcs11-library.ts";
import { ErthError } from "../../runtime/base/errors.ts";
import type { Secret } from "../../runtime/base/secret.ts";
import type { DigestSigner, SignRequest, SignResponse } from "../signer.ts";
import { encodeDigestInfo } from "./digest-info.ts";
import { ecdsaDer } from "./ecdsa.ts";
import { algorithmOfLeaf, digestBits, leafOf } from "./key-algorithm.ts";
import { findToken, firstLine, isCode, loadPkcs11Library, openModule, type OpenModule } from "./pkcs11-module.ts";
import { findPrivateKey, readCertificates } from "./pkcs11-objects.ts";
import { chainFrom } from "./served-chain.ts";

export interface Pkcs11Key {
  /** Path of the maker's library. */
  readonly module: string;
  /** The token's label or serial number; the only token where unset. */
  readonly token?: string;
  /** The private key's label, or its id as hex; the only private key where unset. */
  readonly key?: string;
  /** Unset for a token that asks on its own keypad. */
  readonly pin?: Secret;
  /** DER of what the token does not hold: leaf first, or issuers only. */
  readonly certificates: readonly Uint8Array[];
}

export interface Pkcs11Signer extends DigestSigner {
  /** Logs out and gives the module back; the signer is of no use afterwards. */
  close(): Promise<void>;
}

/** An RSA signature of 8192 bits. */
const MAX_SIGNATURE_BYTES = 1024;

/**
 * Logs in and finds key and certificates. Throws `KEY_PKCS11_MISSING`,
 * `KEY_PKCS11_MODULE`, `KEY_TOKEN`, `KEY_PIN`, `KEY_NOT_FOUND`,
 * `KEY_AMBIGUOUS`, `KEY_NO_CERTIFICATE` or `KEY_KIND`.
 */
export async function openPkcs11Signer(
  key: Pkcs11Key,
  load: () => Promise<Pkcs11Library> = loadPkcs11Library,
): Promise<Pkcs11Signer> {
  const module = openModule(await load(), key.module);
  try {
    return openSession(key, module);
  } catch (error) {
    module.release();
    throw error;
  }
}

function openSession(key: Pkcs11Key, module: OpenModule): Pkcs11Signer {
  const { library, calls } = module;
  const token = findToken(module, key.token);
  const name = `PKCS #11 token ${token.label}`;
  const session = calls.C_OpenSession(token.slot, library.CKF_SERIAL_SESSION);
  login(key, module, token.slot, session, name);
  const found = findPrivateKey(module, session, key.key, name);
  const held = readCertificates(module, session);
  const [configured] = key.certificates;
  const leaf = held.find(({ id }) => id.length > 0 && id.equals(found.id))?.der ?? configured ?? leafOf([], name);
  const algorithm = algorithmOfLeaf(leaf, name);
  if (algorithm.type !== found.type) {
    throw new ErthError({
      code: "KEY_MISMATCH",
      message: `the key "${found.label}" of ${name} is ${found.type.toUpperCase()}, its certificate is for ${algorithm.type.toUpperCase()}.`,
      remedy: "set certificate to the PEM file that was issued for this key, or key to the key of the certificate",
    });
  }
  const chain = chainFrom(leaf, [...held.map(({ der }) => der), ...key.certificates]);

  const signNow = async (request: SignRequest): Promise<SignResponse> => {
    digestBits(request);
    const isRsa = algorithm.type === "rsa";
    const input = isRsa ? encodeDigestInfo(request.digestAlgorithm, request.digest) : request.digest;
    try {
      const mechanism = isRsa ? library.CKM_RSA_PKCS : library.CKM_ECDSA;
      calls.C_SignInit(session, { mechanism }, found.handle);
      // Such a key (PIV slot 9c) wants the PIN for each signature.
      if (found.isAlwaysAsking) calls.C_Login(session, library.CKU_CONTEXT_SPECIFIC, key.pin?.reveal());
      const output = await calls.C_SignAsync(session, Buffer.from(input), Buffer.alloc(MAX_SIGNATURE_BYTES));
      const signature = Uint8Array.from(output);
      return isRsa
        ? { signature, scheme: "rsa-pkcs1" }
        : { signature: ecdsaDer(signature, algorithm.bits, name), scheme: "ecdsa-der" };
    } catch (cause) {
      if (cause instanceof ErthError) throw cause;
      throw signFailed(library, name, request.hint.file, cause);
    }
  };

  // A session signs one thing at a time.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(action: () => Promise<T>): Promise<T> => {
    const mine = last.then(action, action);
    last = mine;
    return mine;
  };
  return {
    name: `${name}, key "${found.label}"`,
    certificates: async () => chain,
    signDigest: (request) => inTurn(() => signNow(request)),
    close: () =>
      inTurn(async () => {
        calls.C_CloseSession(session);
        module.release();
      }),
  };
}

function login(key: Pkcs11Key, { library, calls }: OpenModule, slot: Handle, session: Handle, name: string): void {
  try {
    calls.C_Login(session, library.CKU_USER, key.pin?.reveal());
  } catch (cause) {
    if (isCode(cause, library.CKR_USER_ALREADY_LOGGED_IN)) return;
    const { flags } = calls.C_GetTokenInfo(slot);
    const isLocked = isCode(cause, library.CKR_PIN_LOCKED) || (flags & library.CKF_USER_PIN_LOCKED) !== 0;
    const isLastTry = (flags & library.CKF_USER_PIN_FINAL_TRY) !== 0;
    throw new ErthError({
      code: "KEY_PIN",
      message: isLocked
        ? `${name} has locked its PIN.`
        : `${name} refuses ${key.pin === undefined ? "a login without a PIN" : "the PIN"} (${firstLine(cause)})${isLastTry ? "; one more wrong one locks it" : ""}.`,
      remedy: isLocked
        ? "unlock it with the maker's tool and the SO PIN or PUK"
        : "set the right PIN before trying again: tokens lock after a few wrong ones",
      cause,
    });
  }
}

function signFailed(library: Pkcs11Library, name: string, file: string, cause: unknown): ErthError {
  const gone = [
    library.CKR_DEVICE_REMOVED,
    library.CKR_TOKEN_NOT_PRESENT,
    library.CKR_SESSION_HANDLE_INVALID,
    library.CKR_DEVICE_ERROR,
  ].some((code) => isCode(cause, code));
  return new ErthError({
    code: gone ? "KEY_TOKEN" : "KEY_REFUSED",
    message: `${name} did not sign ${file}: ${firstLine(cause)}.`,
    remedy: gone
      ? "plug the token in again and repeat the command"
      : "check that the key may sign (CKA_SIGN) and that its certificate is its own: erth doctor signing",
    cause,
  });
}
