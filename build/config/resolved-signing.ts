/** The `signing` section after defaults and path resolution. It names secrets and holds none. */
import type { KeySource } from "../../signing/keys/key-source.ts";

/** Where a code-signing key lies. */
export type KeyPlace =
  | { readonly kind: "source"; readonly source: KeySource }
  | { readonly kind: "pkcs11"; readonly uri: string }
  | {
      readonly kind: "aws-kms";
      readonly keyId: string;
      readonly region: string | undefined;
      readonly endpoint: string | undefined;
    }
  | { readonly kind: "google-kms"; readonly keyVersion: string; readonly endpoint: string | undefined }
  | {
      readonly kind: "azure-key-vault";
      readonly vaultUrl: string;
      readonly certificate: string;
      readonly certificateVersion: string | undefined;
    }
  | {
      readonly kind: "azure-artifact-signing";
      readonly endpoint: string;
      readonly account: string;
      readonly profile: string;
    }
  /** An identity in a Mac's keychain. */
  | { readonly kind: "keychain"; readonly identity: string };

export interface CodeKeyReference {
  /** Where the config says it, for messages: `signing.apple.key`. */
  readonly field: string;
  readonly place: KeyPlace;
  /** The variable that holds the password or PIN. */
  readonly passwordVariable: string | undefined;
  readonly certificates: KeySource | undefined;
  /** Picks one of several identities in a file. */
  readonly select: string | undefined;
}

export interface TextKeyReference {
  readonly field: string;
  readonly source: KeySource;
  readonly passwordVariable: string | undefined;
}

export interface NotarizeSettings {
  readonly appleApiKey: KeySource | undefined;
  readonly appleApiKeyId: string | undefined;
  readonly appleApiIssuer: string | undefined;
  readonly appleId: string | undefined;
  readonly appleIdPasswordVariable: string | undefined;
  readonly keychainProfile: string | undefined;
  readonly keychain: string | undefined;
  readonly mode: "wait" | "submit";
  readonly waitMs: number;
  readonly isNative: boolean;
}

export interface AppleSigning {
  readonly key: CodeKeyReference;
  readonly installerKey: CodeKeyReference | undefined;
  readonly teamId: string | undefined;
  /** File name or path in the app → property list, absolute. */
  readonly entitlements: Readonly<Record<string, string>>;
  readonly isHardened: boolean;
  /** RFC 3161 server; null where the user wants no timestamps. */
  readonly timestampUrl: string | null;
  readonly notarize: NotarizeSettings | undefined;
}

export interface WindowsSigning {
  readonly key: CodeKeyReference;
  /** RFC 3161 server; null where the user wants no timestamps. */
  readonly timestampUrl: string | null;
  /** The name in the UAC prompt. */
  readonly description: string;
  readonly url: string | undefined;
  readonly vendorCode: "keep" | "sign";
}

/** What is undefined here is not signed, or ad hoc on macOS. */
export interface ResolvedSigning {
  readonly apple: AppleSigning | undefined;
  readonly windows: WindowsSigning | undefined;
  readonly openpgp: TextKeyReference | undefined;
  readonly minisign: TextKeyReference | undefined;
  readonly feed: TextKeyReference | undefined;
}

export const NO_SIGNING: ResolvedSigning = {
  apple: undefined,
  windows: undefined,
  openpgp: undefined,
  minisign: undefined,
  feed: undefined,
};
