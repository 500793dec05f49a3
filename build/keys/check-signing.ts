/** All that the `signing` section names, tried by operating system: what doctor prints, and a preflight asks for. */
import type { TargetOs } from "../plan/target.ts";
import type { Check } from "./check.ts";
import { checkCodeKey, checkFeedKey, checkMinisignKey, checkOpenPgpKey } from "./check-keys.ts";
import { checkNotary, checkTimestampServer } from "./check-services.ts";
import type { Keyring } from "./keyring.ts";

/** What is needed to sign the code inside an app. Made once in a run. */
export function checkAppKeys(keyring: Keyring, os: TargetOs): Promise<readonly Check[]> {
  return keyring.once(`check app ${os}`, async () => {
    const { apple, windows } = keyring.signing;
    if (os === "darwin" && apple) {
      const { key, teamId, timestampUrl, notarize } = apple;
      const fit = { use: "mac-code", teamId, isNotarized: notarize !== undefined } as const;
      return Promise.all([
        checkCodeKey(keyring, key, fit),
        ...timestamp(keyring, "signing.apple.timestamp", timestampUrl),
      ]);
    }
    if (os === "win32" && windows) {
      const { key, timestampUrl } = windows;
      return Promise.all([
        checkCodeKey(keyring, key, { use: "windows-code" }),
        ...timestamp(keyring, "signing.windows.timestamp", timestampUrl),
      ]);
    }
    return [];
  });
}

/** What is needed besides to sign a macOS package. */
export function checkInstallerKey(keyring: Keyring): Promise<readonly Check[]> {
  return keyring.once("check installer", async () => {
    const { apple } = keyring.signing;
    if (apple?.installerKey === undefined) return [];
    return [await checkCodeKey(keyring, apple.installerKey, { use: "mac-installer", teamId: apple.teamId })];
  });
}

/** What is needed to notarize. */
export function checkNotarization(keyring: Keyring): Promise<readonly Check[]> {
  return keyring.once("check notary", async () => {
    const { apple } = keyring.signing;
    return apple?.notarize === undefined ? [] : [await checkNotary(keyring)];
  });
}

/** The keys of Linux files. */
export function checkLinuxKeys(keyring: Keyring): Promise<readonly Check[]> {
  return keyring.once("check linux", async () => {
    const { openpgp, minisign } = keyring.signing;
    return Promise.all([
      ...(openpgp ? [checkOpenPgpKey(keyring)] : []),
      ...(minisign ? [checkMinisignKey(keyring)] : []),
    ]);
  });
}

/** Everything, in the order of the config. */
export async function checkSigning(keyring: Keyring): Promise<readonly Check[]> {
  const groups = await Promise.all([
    checkAppKeys(keyring, "darwin"),
    checkInstallerKey(keyring),
    checkNotarization(keyring),
    checkAppKeys(keyring, "win32"),
    checkLinuxKeys(keyring),
    keyring.signing.feed ? checkFeedKey(keyring).then((check) => [check]) : [],
  ]);
  return groups.flat();
}

function timestamp(keyring: Keyring, field: string, url: string | null): readonly Promise<Check>[] {
  if (url !== null) return [checkTimestampServer(keyring, field, url)];
  const warnings = [
    "Timestamps are turned off: a signature then ends with its certificate, and Apple notarizes nothing.",
  ];
  return [Promise.resolve({ what: field, facts: [], warnings, problems: [] })];
}
