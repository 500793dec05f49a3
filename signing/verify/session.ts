/** What one run of verifying shares: whom to trust, limits, and a folder that goes away. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UnpackLimits } from "../../build/formats/unpack-limits.ts";
import type { FileKind, Findings, Verification } from "./verification.ts";
import type { Trust } from "./trust.ts";

export interface VerifySettings {
  readonly trust: Trust;
  /** When certificates are judged where no timestamp says. */
  readonly now: Date;
  /** "notarizable" also asks for what Apple's notary asks for. */
  readonly policy?: "any" | "notarizable" | undefined;
  /** A file that nobody meant to sign is no problem. */
  readonly mayBeUnsigned?: boolean | undefined;
  readonly limits?: UnpackLimits | undefined;
  /**
   * Unpacks the file system of a disk image into an empty folder, nothing
   * outside it. Throws an `ErthError` for one that it cannot read.
   */
  readonly readDisk?: ((path: string, folder: string) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface VerifySession extends VerifySettings {
  readonly limits: UnpackLimits;
  /** A new empty folder, which the end of the run removes. */
  readonly newFolder: () => Promise<string>;
  /** Verifies what was unpacked from a container; `name` is its path there. */
  readonly verifyInner: (path: string, name: string) => Promise<Verification>;
  readonly explainInner: (path: string) => Promise<string>;
}

/** How one kind of file is verified and shown. */
export interface Inspector {
  readonly kind: FileKind;
  /** Never throws for what is in the file. */
  readonly verify: (path: string, session: VerifySession) => Promise<Findings>;
  /** The decoded dump, a line for each fact; judges nothing that `verify` does not. */
  readonly explain: (path: string, session: VerifySession) => Promise<string>;
}

/** Runs a task with folders of its own, which are gone afterwards whatever happened. */
export async function withFolders<Result>(
  task: (newFolder: () => Promise<string>) => Promise<Result>,
): Promise<Result> {
  const folders: string[] = [];
  try {
    return await task(async () => {
      const folder = await mkdtemp(join(tmpdir(), "erth-verify-"));
      folders.push(folder);
      return folder;
    });
  } finally {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  }
}
