/**
 * Signs one Mach-O file, thin or universal: decides what its signature says.
 * The defaults are those of `codesign --force --timestamp --options runtime`
 * with a key, and of `codesign --force --sign -` without one.
 */
import { hash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { ErthError } from "../../runtime/base/errors.ts";
import type { DigestSigner } from "../signer.ts";
import { APPLE_TIMESTAMP_URL, createAppleCms } from "./apple-cms.ts";
import { type ByteRange, fileChanged, withFileRange } from "../../build/formats/byte-range.ts";
import { CODE_FLAG, DEFAULT_PAGE_SIZE_LOG2, EXEC_SEGMENT_MAIN_BINARY } from "./code-directory.ts";
import { type EmbeddedSlice, embedSignatures, type SignaturePlan } from "./embed-signature.ts";
import { encodeEntitlementsDer, encodeEntitlementsXml, type Entitlements } from "./entitlements.ts";
import { embeddedInfoPlist } from "./info-plist-section.ts";
import { isCodeFileType, type MachO, MH_EXECUTE } from "./mach-o.ts";
import { machOUnsupported, namingFile } from "./mach-o-errors.ts";
import { writeWholeOutput } from "./whole-output.ts";
import { DESIGNATED_TYPE } from "./requirement.ts";
import { parseRequirements } from "./requirement-parse.ts";
import { renderCdHashRequirement, renderRequirement } from "./requirement-text.ts";
import { signingIdentity, type SigningIdentity } from "./signing-identity.ts";
import { encodeBlob, ENTITLEMENTS_DER_MAGIC, ENTITLEMENTS_MAGIC, SLOT } from "./super-blob.ts";

export interface CodeSigningOptions {
  /** Undefined: an ad-hoc signature, without which arm64 code does not start. */
  readonly signer?: DigestSigner | undefined;
  /** Only needed where the key tells its certificate late; otherwise it is checked. */
  readonly teamId?: string | undefined;
  /** Default: with a signer. */
  readonly hardenedRuntime?: boolean | undefined;
  /** An RFC 3161 server; Apple's by default, "none" for an unstamped signature. Ad-hoc signatures have none. */
  readonly timestampUrl?: string | undefined;
  readonly fetch?: typeof fetch | undefined;
  /** The time that the signature claims; now by default. */
  readonly signingTime?: Date | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SignMachOOptions extends CodeSigningOptions {
  readonly input: string;
  /** Appears when it is whole, with the permissions of `input`; may be the same path. */
  readonly output: string;
  /** For example `dev.erth.assistant.bun`. */
  readonly identifier: string;
  /** Sealed in programs (`MH_EXECUTE`) only; libraries have none. */
  readonly entitlements?: Entitlements | undefined;
  /** The bytes of a bundle's `Info.plist` and of its `CodeResources`, for its main executable. */
  readonly infoPlist?: Uint8Array | undefined;
  readonly codeResources?: Uint8Array | undefined;
  /** False where the caller makes a whole folder durable at its end. */
  readonly isDurable?: boolean | undefined;
}

export interface SignedMachO {
  readonly slices: readonly EmbeddedSlice[];
  readonly teamId: string | undefined;
  /** As `codesign -d -r-` prints it; sealed in the `CodeResources` around. */
  readonly designatedRequirement: string;
}

/**
 * Writes the signed file. An old signature is dropped with everything it
 * said. Errors: `MACHO_…` for a file that cannot be signed, those of the key
 * and of the timestamp server; nothing is then written.
 */
export async function signMachO(options: SignMachOOptions): Promise<SignedMachO> {
  const { input, output, identifier } = options;
  requireIdentifier(identifier);
  const identity = await signingIdentity(options.signer, options.teamId);
  return namingFile(basename(input), async () => {
    const before = await stat(input, { bigint: true });
    const mode = Number(before.mode & 0o777n);
    const slices = await withFileRange(input, (range) =>
      writeWholeOutput(output, { mode, isDurable: options.isDurable ?? true }, async (handle) => {
        const embedded = await embedSignatures(range, handle, planner(options, identity), options.signal);
        const after = await stat(input, { bigint: true });
        if (after.mtimeNs !== before.mtimeNs || after.size !== before.size || after.ino !== before.ino) {
          throw fileChanged(input);
        }
        return embedded;
      }),
    );
    return { slices, teamId: identity.teamId, designatedRequirement: requirementText(identity, identifier, slices) };
  });
}

function requirementText(identity: SigningIdentity, identifier: string, slices: readonly EmbeddedSlice[]): string {
  const designated = parseRequirements(identity.requirementsFor(identifier)).get(DESIGNATED_TYPE);
  return designated === undefined
    ? renderCdHashRequirement(slices.map(({ cdHash }) => cdHash))
    : renderRequirement(designated);
}

/** The identifier is a C string that other tools show and compare. */
function requireIdentifier(identifier: string): void {
  if (/^[A-Za-z0-9_.+-]{1,255}$/.test(identifier)) return;
  throw new ErthError({
    code: "CODESIGN_IDENTIFIER",
    message: `"${identifier}" is no identifier of code: letters, digits, ".", "-", "_" and "+", at most 255.`,
    remedy: 'set app.identifier to a name like "com.example.notes", then: erth sign',
  });
}

function planner(options: SignMachOOptions, identity: SigningIdentity) {
  const { identifier } = options;
  const isHardened = options.hardenedRuntime ?? identity.signer !== undefined;
  const requirements = identity.requirementsFor(identifier);
  return async (machO: MachO, slice: ByteRange): Promise<SignaturePlan> => {
    if (!isCodeFileType(machO.fileType)) throw machOUnsupported(`its file type is ${machO.fileType}`);
    const isProgram = machO.fileType === MH_EXECUTE;
    const entitlements = isProgram ? options.entitlements : undefined;
    const infoPlist = options.infoPlist ?? (await embeddedInfoPlist(machO, slice));

    const blobs: { slot: number; bytes: Uint8Array }[] = [{ slot: SLOT.requirements, bytes: requirements }];
    if (entitlements !== undefined) {
      const [xml, der] = [encodeEntitlementsXml(entitlements), encodeEntitlementsDer(entitlements)];
      blobs.push({ slot: SLOT.entitlements, bytes: encodeBlob(ENTITLEMENTS_MAGIC, xml) });
      blobs.push({ slot: SLOT.entitlementsDer, bytes: encodeBlob(ENTITLEMENTS_DER_MAGIC, der) });
    }
    const sealed: readonly (readonly [slot: number, bytes: Uint8Array | undefined])[] = [
      [SLOT.infoPlist, infoPlist],
      [SLOT.codeResources, options.codeResources],
      ...blobs.map(({ slot, bytes }) => [slot, bytes] as const),
    ];
    return {
      directory: {
        flags: (identity.signer === undefined ? CODE_FLAG.adhoc : 0) | (isHardened ? CODE_FLAG.runtime : 0),
        identifier,
        teamId: identity.teamId,
        pageSizeLog2: DEFAULT_PAGE_SIZE_LOG2,
        execSegmentBase: machO.text.fileOffset,
        execSegmentLimit: machO.text.fileSize,
        execSegmentFlags: isProgram ? EXEC_SEGMENT_MAIN_BINARY : 0,
        runtimeVersion: isHardened ? machO.sdkVersion : undefined,
        specialHashes: new Map(
          sealed.flatMap(([slot, bytes]) => (bytes === undefined ? [] : [[slot, hash("sha256", bytes, "buffer")]])),
        ),
      },
      blobs,
      cms: (codeDirectory) => cmsOf(options, identity, codeDirectory),
    };
  };
}

async function cmsOf(
  options: SignMachOOptions,
  identity: SigningIdentity,
  codeDirectory: Uint8Array,
): Promise<Uint8Array> {
  const { signer } = identity;
  if (signer === undefined) return new Uint8Array(0);
  const url = options.timestampUrl ?? APPLE_TIMESTAMP_URL;
  const { der, certificates } = await createAppleCms({
    codeDirectory,
    signer,
    file: basename(options.output),
    signingTime: options.signingTime ?? new Date(),
    timestamp: url === "none" ? undefined : { url, fetch: options.fetch ?? fetch, signal: options.signal },
  });
  const [leaf] = certificates;
  if (leaf !== undefined) identity.requireLeaf(leaf);
  return der;
}
