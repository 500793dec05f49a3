/** What the tests of signing share: a folder with a program in it, an authority for timestamps, a key. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type SignedPe, signPe, type SignPeRequest } from "../../../../signing/windows/sign-pe.ts";
import { windowsAuthority } from "../../../fakes/certificate-authority.ts";
import { startTimestampAuthority, type TimestampAuthority } from "../../../fakes/timestamp-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { smallPe } from "./small-pe.ts";

export const authority = windowsAuthority();

export async function timestamps(): Promise<TimestampAuthority> {
  const started = await startTimestampAuthority();
  onTestFinished(() => started.close());
  return started;
}

export interface Workplace {
  readonly folder: string;
  readonly input: string;
  readonly output: string;
  readonly sign: (more?: Partial<SignPeRequest>) => Promise<SignedPe>;
}

/** A program on disk, and `sign` with a throwaway key and no timestamp unless told otherwise. */
export async function workplace(program: Uint8Array = smallPe()): Promise<Workplace> {
  const folder = await scratchFolder();
  const input = join(folder, "in.exe");
  const output = join(folder, "out.exe");
  await writeFile(input, program);
  const sign = (more: Partial<SignPeRequest> = {}): Promise<SignedPe> =>
    signPe({ input, output, signer: authority.leaf.signer, timestampUrl: null, fetch, ...more });
  return { folder, input, output, sign };
}

/** A signed and stamped program in memory; also outside of tests. */
export async function signedProgram(
  program: Uint8Array = smallPe(),
  more: Partial<SignPeRequest> = {},
): Promise<Buffer> {
  const tsa = await startTimestampAuthority();
  const folder = await mkdtemp(join(tmpdir(), "erth-signed-"));
  const file = join(folder, "program.exe");
  try {
    await writeFile(file, program);
    const { signer } = authority.leaf;
    await signPe({ input: file, output: file, signer, timestampUrl: tsa.url, fetch, ...more });
    return await readFile(file);
  } finally {
    await rm(folder, { recursive: true });
    await tsa.close();
  }
}
