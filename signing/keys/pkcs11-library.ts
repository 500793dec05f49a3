/**
 * The part of `pkcs11js` 2.1.7 that is used, in types of our own: the package
 * is optional, and where it could not be compiled its types are absent too.
 * Functions and constants are those of PKCS #11 v2.40.
 */

/** An opaque reference to a slot, a session or an object. */
export type Handle = Buffer;

export interface Attribute {
  readonly type: number;
  readonly value?: number | boolean | string | Buffer;
}

export interface TokenInfo {
  /** Padded with blanks. */
  readonly label: string;
  /** Padded with blanks. */
  readonly serialNumber: string;
  readonly flags: number;
}

export interface Pkcs11Calls {
  load(path: string): void;
  close(): void;
  C_Initialize(options?: { readonly flags: number }): void;
  C_Finalize(): void;
  C_GetSlotList(tokenPresent: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): TokenInfo;
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseSession(session: Handle): void;
  C_Login(session: Handle, userType: number, pin?: string): void;
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void;
  C_FindObjects(session: Handle, maxObjectCount: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(session: Handle, object: Handle, template: readonly Attribute[]): { readonly value: Buffer }[];
  C_SignInit(session: Handle, mechanism: { readonly mechanism: number }, key: Handle): void;
  C_SignAsync(session: Handle, input: Buffer, output: Buffer): Promise<Buffer>;
}

type Constant =
  | "CKA_ALWAYS_AUTHENTICATE"
  | "CKA_CERTIFICATE_TYPE"
  | "CKA_CLASS"
  | "CKA_ID"
  | "CKA_KEY_TYPE"
  | "CKA_LABEL"
  | "CKA_VALUE"
  | "CKC_X_509"
  | "CKF_OS_LOCKING_OK"
  | "CKF_SERIAL_SESSION"
  | "CKF_TOKEN_INITIALIZED"
  | "CKF_USER_PIN_FINAL_TRY"
  | "CKF_USER_PIN_LOCKED"
  | "CKK_EC"
  | "CKK_RSA"
  | "CKM_ECDSA"
  | "CKM_RSA_PKCS"
  | "CKO_CERTIFICATE"
  | "CKO_PRIVATE_KEY"
  | "CKR_ATTRIBUTE_TYPE_INVALID"
  | "CKR_CRYPTOKI_ALREADY_INITIALIZED"
  | "CKR_DEVICE_ERROR"
  | "CKR_DEVICE_REMOVED"
  | "CKR_PIN_LOCKED"
  | "CKR_SESSION_HANDLE_INVALID"
  | "CKR_TOKEN_NOT_PRESENT"
  | "CKR_USER_ALREADY_LOGGED_IN"
  | "CKU_CONTEXT_SPECIFIC"
  | "CKU_USER";

export type Pkcs11Library = { readonly PKCS11: new () => Pkcs11Calls } & Readonly<Record<Constant, number>>;

/** A name that no compiler resolves, since the package may not be there. */
const PACKAGE: string = "pkcs11js";

/** Imports the package; rejects where it is not installed or was not compiled. */
export async function importPkcs11js(): Promise<{ default: Pkcs11Library }> {
  return (await import(PACKAGE)) as { default: Pkcs11Library };
}
