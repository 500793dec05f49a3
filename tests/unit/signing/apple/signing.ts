/** Signs for tests: a fake Developer ID, a time-stamping authority, fixed times. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { signMachO, type SignMachOOptions } from "../../../../signing/apple/sign-mach-o.ts";
import { verifyMachO, type VerifyMachOOptions } from "../../../../signing/apple/verify-mach-o.ts";
import { appleAuthority } from "../../../fakes/certificate-authority.ts";
import { startTimestampAuthority } from "../../../fakes/timestamp-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";

export const authority = appleAuthority();
export const trustedRoots = [parseCertificate(authority.root.der).fingerprint];
const SIGNING_TIME = new Date("2026-06-01T11:59:00Z");

export interface SigningBench {
  readonly folder: string;
  /** Options of a Developer ID signature with a timestamp. */
  readonly developerId: Pick<SignMachOOptions, "signer" | "timestampUrl" | "signingTime">;
  /** Writes the bytes, signs them and gives the signed file's path. */
  sign(bytes: Uint8Array, options?: Partial<SignMachOOptions>): Promise<string>;
  /** The codes of all problems of these bytes, each once. */
  codesOf(bytes: Uint8Array, options?: Partial<VerifyMachOOptions>): Promise<readonly string[]>;
}

/** For one test; everything is removed after it. */
export async function signingBench(): Promise<SigningBench> {
  const folder = await scratchFolder();
  const stamps = await startTimestampAuthority();
  onTestFinished(() => stamps.close());
  const checked = join(folder, "checked");
  return {
    folder,
    developerId: { signer: authority.application.signer, timestampUrl: stamps.url, signingTime: SIGNING_TIME },
    async sign(bytes, options = {}) {
      const [input, output] = [join(folder, "input"), join(folder, "signed")];
      await writeFile(input, bytes, { mode: 0o755 });
      await signMachO({ input, output, identifier: "dev.erth.tiny", ...options });
      return output;
    },
    async codesOf(bytes, options = {}) {
      await writeFile(checked, bytes);
      const problems = await verifyMachO({ path: checked, trustedRoots, ...options });
      return Array.from(new Set(problems.map(({ code }) => code)));
    },
  };
}

/** Signs in memory. */
export async function signedBytes(
  bench: SigningBench,
  bytes: Uint8Array,
  options?: Partial<SignMachOOptions>,
): Promise<Buffer> {
  return readFile(await bench.sign(bytes, options));
}
