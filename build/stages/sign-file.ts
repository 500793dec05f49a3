/**
 * Stages, one for each format whose finished file has a signature of its own:
 * disk images with the Developer ID Application key, packages with the
 * Installer key, Windows installers with Authenticode, AppImages and RPMs with OpenPGP.
 * On Linux a signature lies beside the file, and comes after every change to it.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type WhoSigned,
  whoSignedApple,
  whoSignedAppImage,
  whoSignedMsix,
  whoSignedRpm,
  whoSignedWindows,
} from "../../signing/who-signed.ts";
import { publisherProblem } from "../../signing/windows/sign-msix.ts";
import type { Problem } from "../../runtime/base/errors.ts";
import type { InstallerFacts } from "../artifacts/artifact.ts";
import type { CodeKeyReference } from "../config/resolved-signing.ts";
import { checkAppKeys, checkInstallerKey, checkLinuxKeys } from "../keys/check-signing.ts";
import { identityOf } from "../keys/key-identity.ts";
import type { Keyring } from "../keys/keyring.ts";
import { type FileSignature, type FormatId, PACKAGE_FORMATS } from "../plan/package-format.ts";
import type { TargetPlan } from "../plan/plan.ts";
import { detachedSigner, signDetached, SUFFIXES } from "../sign/detached.ts";
import {
  signAppPackage,
  signAppImageByKey,
  signDiskImage,
  signPackage,
  signProgram,
  signRpmByKey,
  type SignInstallerRequest,
} from "../sign/sign-installer.ts";
import { keyProblems } from "./key-checks.ts";
import { formatPlan, type Stage, targetStage, type TargetContext } from "./stage.ts";

/** How a kind of file is signed, by whose key. */
interface FileSigner {
  /** Why it is not, as far as the plan tells. */
  skip(plan: TargetPlan): string | undefined;
  preflight(ctx: TargetContext): ReturnType<typeof keyProblems>;
  key(keyring: Keyring): CodeKeyReference | undefined;
  /** What shapes the signature besides the key. */
  settings(keyring: Keyring): unknown;
  sign(request: SignInstallerRequest): Promise<void>;
  whoSigned(path: string): Promise<WhoSigned | undefined>;
}

const NO_KEY = "no key is configured: unsigned";

const SIGNERS: Readonly<Record<Exclude<FileSignature, "inside" | "detached">, FileSigner>> = {
  dmg: {
    skip: ({ signing }) => (signing.code === "key" ? undefined : NO_KEY),
    preflight: (ctx) => keyProblems(ctx, checkAppKeys(ctx.keyring, "darwin")),
    key: ({ signing }) => signing.apple?.key,
    settings: ({ signing }) => ({ teamId: signing.apple?.teamId, timestampUrl: signing.apple?.timestampUrl }),
    sign: (request) => signDiskImage(request, present(request.keyring.signing.apple)),
    whoSigned: whoSignedApple,
  },
  pkg: {
    skip: ({ signing }) => (signing.hasInstallerKey ? undefined : "no Installer key is configured: unsigned"),
    preflight: (ctx) => keyProblems(ctx, checkInstallerKey(ctx.keyring)),
    key: ({ signing }) => signing.apple?.installerKey,
    settings: ({ signing }) => ({ timestampUrl: signing.apple?.timestampUrl }),
    sign: (request) => {
      const apple = present(request.keyring.signing.apple);
      return signPackage(request, apple, present(apple.installerKey));
    },
    whoSigned: whoSignedApple,
  },
  authenticode: {
    skip: ({ signing }) => (signing.code === "key" ? undefined : NO_KEY),
    preflight: (ctx) => keyProblems(ctx, checkAppKeys(ctx.keyring, "win32")),
    key: ({ signing }) => signing.windows?.key,
    settings: ({ signing }) => ({ ...signing.windows, key: undefined }),
    sign: (request) => signProgram(request, present(request.keyring.signing.windows)),
    whoSigned: whoSignedWindows,
  },
  appimage: {
    skip: ({ signing }) =>
      signing.detached.includes("openpgp") ? undefined : "no OpenPGP key is configured: unsigned",
    preflight: (ctx) => keyProblems(ctx, checkLinuxKeys(ctx.keyring)),
    // No code signature: the key is among the settings.
    key: () => undefined,
    settings: async (keyring) => ({ openpgp: await detachedSigner("openpgp", keyring) }),
    sign: signAppImageByKey,
    whoSigned: whoSignedAppImage,
  },
  rpm: {
    skip: ({ signing }) =>
      signing.detached.includes("openpgp") ? undefined : "no OpenPGP key is configured: unsigned",
    preflight: (ctx) => keyProblems(ctx, checkLinuxKeys(ctx.keyring)),
    key: () => undefined,
    settings: async (keyring) => ({ openpgp: await detachedSigner("openpgp", keyring) }),
    sign: signRpmByKey,
    whoSigned: whoSignedRpm,
  },
  msix: {
    skip: ({ signing }) => (signing.code === "key" ? undefined : `${NO_KEY}; the Store signs it`),
    preflight: async (ctx) => {
      const problems = await keyProblems(ctx, checkAppKeys(ctx.keyring, "win32"));
      return problems.length > 0 ? problems : await publisherProblems(ctx);
    },
    key: ({ signing }) => signing.windows?.key,
    settings: ({ signing }) => ({ ...signing.windows, key: undefined }),
    sign: (request) => signAppPackage(request, present(request.keyring.signing.windows)),
    whoSigned: whoSignedMsix,
  },
};

/** The stages that sign a format's finished file, none for a format that has no signature. */
export function signStages(lane: FormatId): readonly Stage[] {
  const { signature } = PACKAGE_FORMATS[lane] as { readonly signature: FileSignature };
  if (signature === "inside") return [];
  if (signature === "detached") return [detachedStage(lane)];
  const embedded = embeddedStage(lane, signature);
  return signature === "appimage" || signature === "rpm"
    ? [embedded, detachedStage(lane, `sign-beside-${lane}`)]
    : [embedded];
}

/** The stage for a signature in the file. */
export function embeddedStage(lane: FormatId, kind: keyof typeof SIGNERS): Stage {
  const signer = SIGNERS[kind];
  return targetStage({
    id: `sign-${lane}`,
    version: 1,
    scope: "target",
    lane,
    needs: ["installer"],
    makes: ["signed-installer"],
    skip: (plan) => signer.skip(plan),
    preflight: (ctx) => signer.preflight(ctx),
    async reads({ keyring }) {
      const key = signer.key(keyring);
      const settings = await signer.settings(keyring);
      return { values: { settings, signer: key && (await identityOf(keyring, key)) } };
    },
    async run(ctx, { installer }) {
      const { fileName } = formatPlan(ctx.target, lane);
      const output = join(ctx.workFolder, fileName);
      await signer.sign({ keyring: ctx.keyring, input: installer.path, output, fileName, signal: ctx.signal });
      const signature = await signer.whoSigned(output);
      ctx.log(`by ${signature?.by ?? "nobody"}`);
      const facts = grown(installer.facts, (await stat(output)).size - installer.bytes);
      return [
        { kind: "signed-installer", path: output, facts: { ...facts, signedBy: signature?.by ?? null, signature } },
      ];
    },
  });
}

/** Signatures beside a finished file, for each key that is configured. */
function detachedStage(lane: FormatId, id = `sign-${lane}`): Stage {
  return targetStage({
    id,
    version: 1,
    scope: "target",
    lane,
    needs: ["stapled-installer"],
    makes: ["companion"],
    skip: ({ signing }) => (signing.detached.length > 0 ? undefined : NO_KEY),
    preflight: (ctx) => keyProblems(ctx, checkLinuxKeys(ctx.keyring)),
    async reads({ keyring, target, config }) {
      const signers = await Promise.all(target.signing.detached.map((kind) => detachedSigner(kind, keyring)));
      return { values: { signers, fileName: formatPlan(target, lane).fileName, version: config.app.version } };
    },
    async run(ctx, { "stapled-installer": file }) {
      const { fileName } = formatPlan(ctx.target, lane);
      const { version } = ctx.config.app;
      const made = [];
      for (const role of ctx.target.signing.detached) {
        const output = join(ctx.workFolder, `${fileName}${SUFFIXES[role]}`);
        const by = await signDetached(role, { keyring: ctx.keyring, file: file.path, fileName, version, output });
        ctx.log(`${fileName}${SUFFIXES[role]} by ${by}`);
        const facts = { role, format: lane, suffix: SUFFIXES[role], signedBy: by };
        made.push({ kind: "companion" as const, path: output, facts });
      }
      return made;
    },
  });
}

/** Told before the build where the key's certificate is known by then. */
async function publisherProblems({ keyring, config }: TargetContext): Promise<readonly Problem[]> {
  const { signer } = await keyring.codeKey(present(keyring.signing.windows).key);
  const leaf = (await signer.certificates())?.[0];
  const problem = leaf && publisherProblem(config.package.msix.publisher, leaf);
  return problem === undefined ? [] : [problem];
}

/** A signature or a ticket is part of the container. */
export function grown(facts: InstallerFacts, bytes: number): InstallerFacts {
  const { compressedBytes } = facts;
  return { ...facts, compressedBytes: { ...compressedBytes, container: compressedBytes.container + bytes } };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the plan says there is a key, and the config has none");
  return value;
}
