/**
 * What Apple's notary log says, and what to do about it. The messages are
 * those of Apple's "Resolving common notarization issues" and of logs in the
 * wild; the first entry whose pattern matches counts.
 */

interface LogRemedy {
  readonly pattern: RegExp;
  readonly code: string;
  readonly remedy: string;
}

const AGAIN = "then erth sign && erth package && erth notarize";

export const LOG_REMEDIES: readonly LogRemedy[] = [
  {
    pattern: /does not include a secure timestamp/i,
    code: "NOTARY_NO_TIMESTAMP",
    remedy: `set signing.apple.timestamp to a timestamp server, ${AGAIN}`,
  },
  {
    pattern: /hardened runtime/i,
    code: "NOTARY_NO_HARDENED_RUNTIME",
    remedy: `sign this executable with the hardened runtime (signing.apple.hardenedRuntime), ${AGAIN}`,
  },
  {
    pattern: /get-task-allow/i,
    code: "NOTARY_GET_TASK_ALLOW",
    remedy: `remove com.apple.security.get-task-allow from this executable's entitlements (runtimes ship with it: re-sign them), ${AGAIN}`,
  },
  {
    pattern: /not signed with a valid Developer ID/i,
    code: "NOTARY_NOT_DEVELOPER_ID",
    remedy: `sign with a Developer ID Application certificate (Developer ID Installer for a .pkg), ${AGAIN}`,
  },
  {
    pattern: /is not signed\b|code object is not signed/i,
    code: "NOTARY_UNSIGNED",
    remedy: `sign this file too: move code out of Resources or name it in signing.apple.binaries, ${AGAIN}`,
  },
  {
    pattern: /certificate.*(revoked|expired)|(revoked|expired).*certificate/i,
    code: "NOTARY_CERTIFICATE",
    remedy: `get a new Developer ID certificate at developer.apple.com/account, erth doctor signing, ${AGAIN}`,
  },
  {
    pattern: /signature (of the binary )?is invalid|invalid signature|sealed resource|modified or invalid/i,
    code: "NOTARY_SIGNATURE_INVALID",
    remedy: `erth verify names what changed after signing; sign last, ${AGAIN}`,
  },
  {
    pattern: /signature algorithm|too weak|sha-?1/i,
    code: "NOTARY_WEAK_SIGNATURE",
    remedy: `re-sign this file with SHA-256: let erth sign it, ${AGAIN}`,
  },
  {
    pattern: /SDK older than|10\.9 SDK/i,
    code: "NOTARY_OLD_SDK",
    remedy: `replace this binary by one that was built with the macOS 10.9 SDK or later, ${AGAIN}`,
  },
  {
    pattern: /no signed executables or bundles|No tickets can be generated/i,
    code: "NOTARY_NOTHING_SIGNED",
    remedy: `the file holds no signed code that Apple can see: check with erth verify, ${AGAIN}`,
  },
  {
    pattern: /not (yet )?configured for notarization/i,
    code: "NOTARY_TEAM",
    remedy:
      "write to developer.apple.com/contact (Development and Technical › Other) to have the team enabled; then erth notarize",
  },
  {
    pattern: /could not be (extracted|opened|read)|corrupt|not a valid archive|unable to (open|unzip|extract)/i,
    code: "NOTARY_ARCHIVE",
    remedy:
      "the upload cannot be opened: erth verify checks the file; make it again with erth package, then erth notarize",
  },
  {
    pattern: /malware|malicious/i,
    code: "NOTARY_MALWARE",
    remedy:
      "replace the file that is named; if Apple is wrong, write to developer.apple.com/contact with the submission ID",
  },
];
