/**
 * The `signing` section, one doc line per field. Keys are references: a file,
 * a variable, a token, a service. A secret itself never stands in a config.
 */
import { z } from "zod";
import { ruled } from "./ruled.ts";
import { lineRule, pathRule } from "./rules.ts";
import { linkRule, pkcs11Rule, serviceRule, teamIdRule, timestampRule, variableRule } from "./signing-rules.ts";

/** Where a code-signing key can lie; a key names exactly one of them. */
export const KEY_PLACES = [
  "file",
  "env",
  "pkcs11",
  "awsKms",
  "googleKms",
  "azureKeyVault",
  "azureArtifactSigning",
  "keychain",
] as const;

/** Where the keys of packages and feeds can lie. */
export const TEXT_KEY_PLACES = ["file", "env"] as const;

const file = ruled(pathRule, "The key's file, relative to this file: .p12, .pfx, PEM or DER.", "keys/signing.p12");
const env = ruled(variableRule, "The variable that holds the key: base64, PEM text or a path.", "SIGNING_KEY");
const passwordEnv = ruled(
  variableRule,
  "The variable that holds the key's password, or a token's PIN.",
  "KEY_PASSWORD",
);

const awsKms = z
  .strictObject({
    keyId: ruled(lineRule, "Key id, ARN or alias.", "alias/code-signing"),
    region: ruled(lineRule, "The key's region; AWS_REGION by default.", "eu-west-1").optional(),
    endpoint: ruled(
      serviceRule,
      "Instead of the region's own, for example a VPC endpoint.",
      "https://kms.example.com",
    ).optional(),
  })
  .describe("A key in AWS KMS. Login: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.");

const googleKms = z
  .strictObject({
    keyVersion: ruled(
      lineRule,
      "The key version's whole name.",
      "projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1",
    ),
    endpoint: ruled(serviceRule, "Instead of https://cloudkms.googleapis.com.", "https://kms.example.com").optional(),
  })
  .describe("A key in Google Cloud KMS. Login: GOOGLE_APPLICATION_CREDENTIALS, or GOOGLE_OAUTH_ACCESS_TOKEN.");

const azureKeyVault = z
  .strictObject({
    vaultUrl: ruled(serviceRule, "The vault's address.", "https://example.vault.azure.net"),
    certificate: ruled(lineRule, "The certificate's name in the vault.", "code-signing"),
    certificateVersion: ruled(lineRule, "Its version; the newest by default.", "0123456789abcdef").optional(),
  })
  .describe("A certificate in Azure Key Vault. Login: AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET.");

const azureArtifactSigning = z
  .strictObject({
    endpoint: ruled(serviceRule, "The address of the account's region.", "https://weu.codesigning.azure.net"),
    account: ruled(lineRule, "The signing account.", "example-account"),
    profile: ruled(lineRule, "The certificate profile.", "example-profile"),
  })
  .describe("A profile of Azure Artifact Signing. Login as for azureKeyVault.");

function codeKey(description: string) {
  return z
    .strictObject({
      file: file.optional(),
      env: env.optional(),
      pkcs11: ruled(
        pkcs11Rule,
        "A key in a PKCS #11 token, as a URI (RFC 7512) with its module-path.",
        "pkcs11:token=Release;object=code?module-path=/usr/lib/softhsm/libsofthsm2.so",
      ).optional(),
      awsKms: awsKms.optional(),
      googleKms: googleKms.optional(),
      azureKeyVault: azureKeyVault.optional(),
      azureArtifactSigning: azureArtifactSigning.optional(),
      keychain: ruled(
        lineRule,
        "An identity in a Mac's keychain: its name, a part of it, or its SHA-1. Signs on a Mac only, with Apple's tools.",
        "Developer ID Application: Example Ltd (ABCDE12345)",
      ).optional(),
      passwordEnv: passwordEnv.optional(),
      certificates: ruled(
        pathRule,
        "PEM or .p7b file of the certificates, where the key's place does not hold all of them.",
        "keys/chain.pem",
      ).optional(),
      certificatesEnv: ruled(variableRule, "The variable that holds them instead.", "SIGNING_CERTIFICATES").optional(),
      select: ruled(
        lineRule,
        "Which of several identities in a file: a part of the certificate's name, or its SHA-256.",
        "Developer ID Application",
      ).optional(),
    })
    .describe(description);
}

function textKey(description: string, example: string) {
  return z
    .strictObject({
      file: ruled(pathRule, "The key's file, relative to this file.", example).optional(),
      env: ruled(variableRule, "The variable that holds the key: its text, or base64 of it.", "SIGNING_KEY").optional(),
      passwordEnv: passwordEnv.optional(),
    })
    .describe(description);
}

const notarize = z
  .strictObject({
    appleApiKey: ruled(pathRule, "The App Store Connect API key's .p8 file.", "keys/AuthKey_ABCDE12345.p8").optional(),
    appleApiKeyEnv: ruled(
      variableRule,
      "The variable that holds that key instead: its text, base64 of it, or a path.",
      "APPLE_API_KEY",
    ).optional(),
    appleApiKeyId: ruled(lineRule, "The key's id.", "ABCDE12345").optional(),
    appleApiIssuer: ruled(
      lineRule,
      "The issuer's UUID; team keys have one.",
      "c055ca8c-e5a8-4836-b61d-aa5794eeb3f4",
    ).optional(),
    appleId: ruled(lineRule, "An Apple ID, for Apple's notarytool on a Mac.", "release@example.com").optional(),
    appleIdPasswordEnv: ruled(
      variableRule,
      "The variable that holds its app-specific password.",
      "APPLE_ID_PASSWORD",
    ).optional(),
    keychainProfile: ruled(lineRule, "A notarytool profile in a Mac's keychain.", "release").optional(),
    keychain: ruled(pathRule, "The keychain that holds it.", "release.keychain-db").optional(),
    mode: z
      .enum(["wait", "submit"])
      .describe("`wait` for Apple's verdict and staple, or `submit` and let `erth notarize --resume` do that later.")
      .meta({ default: "wait" })
      .optional(),
    waitMinutes: z
      .number()
      .int()
      .min(1)
      .max(1440)
      .meta({ description: "How long to wait for Apple's verdict.", default: 120, examples: [120] })
      .optional(),
    native: z
      .boolean()
      .meta({
        description: "On a Mac: Apple's own notarytool and stapler, through @electron/notarize.",
        default: false,
      })
      .optional(),
  })
  .describe("Apple's notarization, with the option names of @electron/notarize. Works from any host with an API key.");

const apple = z
  .strictObject({
    key: codeKey("The Developer ID Application key."),
    installerKey: codeKey("The Developer ID Installer key, for .pkg files.").optional(),
    teamId: ruled(
      teamIdRule,
      "Team ID; only needed where the key's certificate is not known before it signs, and otherwise checked.",
      "ABCDE12345",
    ).optional(),
    entitlements: z
      .record(
        z.string().min(1),
        ruled(pathRule, "A property list, relative to this file.", "entitlements/sidecar.plist"),
      )
      .describe(
        "Entitlements for single programs, by file name or path in the app; added to what Bun and Node need to run.",
      )
      .optional(),
    hardenedRuntime: z
      .boolean()
      .meta({ description: "The hardened runtime, without which nothing is notarized.", default: true })
      .optional(),
    timestamp: ruled(
      timestampRule,
      'RFC 3161 server; Apple\'s by default. "none" leaves timestamps out, and then nothing is notarized.',
      "http://timestamp.apple.com/ts01",
    ).optional(),
    notarize: notarize.optional(),
  })
  .describe("Keys and settings for macOS; without them code is signed ad hoc.");

const windows = z
  .strictObject({
    key: codeKey("The code-signing key."),
    timestamp: ruled(
      timestampRule,
      'RFC 3161 server. "none" leaves timestamps out, and signatures then end with their certificate.',
      "http://timestamp.digicert.com",
    ).optional(),
    description: ruled(lineRule, "The name in the UAC prompt; the app's name by default.", "My App").optional(),
    url: ruled(linkRule, "The link behind that name.", "https://example.com").optional(),
    vendorCode: z
      .enum(["keep", "sign"])
      .describe("Programs and libraries that carry their vendor's own valid signature: `keep` it, or `sign` them anew.")
      .meta({ default: "keep" })
      .optional(),
  })
  .describe("Key and settings for Windows; without them nothing is signed.");

const linux = z
  .strictObject({
    openpgp: textKey(
      "OpenPGP key for packages, repositories and detached .asc signatures.",
      "keys/release.asc",
    ).optional(),
    minisign: textKey(
      "minisign key (Tauri's form too) for detached .minisig signatures.",
      "keys/minisign.key",
    ).optional(),
  })
  .describe("Keys for Linux files; without them nothing is signed.");

export const signing = z
  .strictObject({
    apple: apple.optional(),
    windows: windows.optional(),
    linux: linux.optional(),
    feed: z
      .strictObject({
        key: textKey("Ed25519 key (PKCS #8 PEM) that signs update feeds.", "keys/feed.pem"),
      })
      .describe("The update feed's key.")
      .optional(),
  })
  .describe("Keys and identities for macOS, Windows and Linux. Every key is a reference, never the key itself.");

export type UserSigning = z.input<typeof signing>;
export type UserCodeKey = z.input<ReturnType<typeof codeKey>>;
export type UserTextKey = z.input<ReturnType<typeof textKey>>;
