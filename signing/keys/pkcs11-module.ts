/**
 * PKCS #11 modules and the tokens behind them. A module is one library in one
 * process: it is initialized once for all its signers, and finalized after the
 * last. `pkcs11js`, which calls it, is compiled at installation and optional.
 */
import { importPkcs11js, type Handle, type Pkcs11Calls, type Pkcs11Library, type TokenInfo } from "./pkcs11-library.ts";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";

export interface OpenModule {
  readonly library: Pkcs11Library;
  readonly calls: Pkcs11Calls;
  /** Gives the module back; the last one finalizes it. */
  release(): void;
}

export interface FoundToken {
  readonly slot: Handle;
  readonly label: string;
  readonly info: TokenInfo;
}

interface SharedModule {
  readonly calls: Pkcs11Calls;
  users: number;
}

const shared = new Map<string, SharedModule>();

/** Loads `pkcs11js`; its absence is `KEY_PKCS11_MISSING` with how to get it. */
export async function loadPkcs11Library(
  load: () => Promise<{ default: Pkcs11Library }> = importPkcs11js,
): Promise<Pkcs11Library> {
  try {
    return (await load()).default;
  } catch (cause) {
    throw new ErthError({
      code: "KEY_PKCS11_MISSING",
      message: `the package pkcs11js, which talks to PKCS #11 tokens, is not installed or was not compiled: ${firstLine(cause)}.`,
      remedy: "install a C++ compiler and Python 3, then: npm install --allow-scripts=pkcs11js pkcs11js@2.1.7",
      cause,
    });
  }
}

/** Opens a module (`/usr/lib/softhsm/libsofthsm2.so`); `KEY_PKCS11_MODULE` where it cannot be loaded. */
export function openModule(library: Pkcs11Library, path: string): OpenModule {
  const known = shared.get(path);
  const module = known ?? { calls: new library.PKCS11(), users: 0 };
  if (known === undefined) {
    try {
      module.calls.load(path);
      // Signing runs on worker threads, so the module has to lock.
      module.calls.C_Initialize({ flags: library.CKF_OS_LOCKING_OK });
    } catch (cause) {
      if (!isCode(cause, library.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
        throw new ErthError({
          code: "KEY_PKCS11_MODULE",
          message: `the PKCS #11 module ${path} cannot be used: ${firstLine(cause)}.`,
          remedy:
            "set module to the library of the token's maker for this system, for example /usr/lib/softhsm/libsofthsm2.so",
          cause,
        });
      }
    }
    shared.set(path, module);
  }
  module.users += 1;
  return {
    library,
    calls: module.calls,
    release: () => {
      module.users -= 1;
      if (module.users > 0) return;
      shared.delete(path);
      module.calls.C_Finalize();
      module.calls.close();
    },
  };
}

/** The token with this label or serial number, or the only one; `KEY_TOKEN` names those that are there. */
export function findToken({ calls, library }: OpenModule, wanted: string | undefined): FoundToken {
  const tokens = calls
    .C_GetSlotList(true)
    .map((slot) => ({ slot, info: calls.C_GetTokenInfo(slot) }))
    .filter(({ info }) => (info.flags & library.CKF_TOKEN_INITIALIZED) !== 0)
    .map(({ slot, info }) => ({ slot, info, label: trim(info.label) }));
  const matching =
    wanted === undefined
      ? tokens
      : tokens.filter(({ label, info }) => label === wanted || trim(info.serialNumber) === wanted);
  const [token] = matching;
  if (token !== undefined && matching.length === 1) return token;
  const list = tokens.map(({ label, info }) => `"${label}" (serial ${trim(info.serialNumber)})`).join(", ") || "none";
  throw new ErthError({
    code: "KEY_TOKEN",
    message: `${matching.length === 0 ? "no token" : `${matching.length} tokens`}${wanted === undefined ? "" : ` named "${wanted}"`} found; present: ${list}.`,
    remedy:
      matching.length === 0
        ? "plug the token in, or set token to one that is present"
        : "set token to the serial number of the one to use",
  });
}

/** Whether a thrown value is this result code (`CKR_…`). */
export function isCode(thrown: unknown, code: number): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
}

/** What a token or the loader said, on one line. */
export function firstLine(thrown: unknown): string {
  return messageOf(thrown).split("\n")[0] ?? "";
}

function trim(text: string): string {
  return text.replaceAll(/[\0 ]+$/g, "");
}
