/**
 * Checks a Debian package: its members (deb(5)), the digests of the files in
 * it, and a signature of debsigs, which covers the members before it. Most
 * packages carry none; there the repository is signed.
 */
import { type ByteRange, withFileRange } from "../../build/formats/byte-range.ts";
import { type ArMember, readAr } from "../../build/formats/ar-reader.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { contentProblems } from "./deb-content.ts";
import { type VerifiedOpenPgp, verifyOpenPgp } from "./verify-openpgp.ts";
import type { VerifyLinuxOptions } from "./verify-rpm.ts";

export interface VerifiedDeb {
  readonly problems: readonly Problem[];
  readonly signatures: readonly VerifiedOpenPgp[];
  readonly facts: Readonly<Record<string, string>>;
  readonly members: readonly ArMember[];
}

const VERSION = /^2\.\d+\n/;
const PART = /^(control|data)\.tar(\.(gz|xz|zst|bz2|lzma))?$/;
const SIGNATURE = /^_gpg(origin|maint|archive|builder)$/;
const MAX_SIGNATURE_BYTES = 1 << 20;
const PIECE_BYTES = 1 << 20;

/** Never throws for what is in the file; only for one that cannot be read, and when told to stop. */
export async function inspectDeb(path: string, options: VerifyLinuxOptions): Promise<VerifiedDeb> {
  const problems: Problem[] = [];
  const report = (code: string, message: string): void =>
    void problems.push({ code, message, remedy: "make the package again: erth package" });
  try {
    return await withFileRange(path, async (range) => {
      const members = await readAr(range);
      const [version, control, data, ...rest] = members;
      const marker = version && Buffer.from(await range.read(version.offset, Math.min(version.size, 16))).toString();
      if (version?.name !== "debian-binary" || !VERSION.test(marker ?? ""))
        report("DEB_MEMBERS", "It does not begin with debian-binary, version 2.");
      if (partOf(control) !== "control" || partOf(data) !== "data")
        report("DEB_MEMBERS", "control.tar and data.tar do not follow debian-binary.");
      for (const { name } of rest.filter((member) => !SIGNATURE.test(member.name)))
        report("DEB_MEMBERS", `It has the member ${JSON.stringify(name)}, which no package has.`);
      const facts: Record<string, string> = { members: members.map(({ name }) => name).join(", ") };
      if (control !== undefined && data !== undefined && problems.length === 0) {
        const content = await contentProblems(range, { control, data }, options);
        problems.push(...content.problems);
        Object.assign(facts, content.facts);
      }
      const signatures: VerifiedOpenPgp[] = [];
      const signed = members.filter(({ name }) => !SIGNATURE.test(name));
      for (const member of members.filter(({ name }) => SIGNATURE.test(name))) {
        const found = await signatureOf(range, member, signed, options);
        problems.push(...found.problems);
        signatures.push(...found.signatures);
      }
      return { problems, signatures, facts, members };
    });
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    problems.push({ code: error.code, message: error.message, remedy: error.remedy });
    return { problems, signatures: [], facts: {}, members: [] };
  }
}

function partOf(member: ArMember | undefined): string | undefined {
  return PART.exec(member?.name ?? "")?.[1];
}

async function signatureOf(
  range: ByteRange,
  member: ArMember,
  signed: readonly ArMember[],
  { keys, now, signal }: VerifyLinuxOptions,
) {
  if (member.size > MAX_SIGNATURE_BYTES) return unreadable(member, `it has ${member.size} bytes`);
  const file = await range.read(member.offset, member.size);
  if (Buffer.from(file).toString("latin1").startsWith("-----BEGIN PGP SIGNED MESSAGE"))
    return unreadable(member, "it is of dpkg-sig, over MD5 and SHA-1, which can be forged");
  const content = async function* (): AsyncGenerator<Uint8Array> {
    for (const { offset, size } of signed) {
      for (let at = 0; at < size; at += PIECE_BYTES) {
        signal?.throwIfAborted();
        yield await range.read(offset + at, Math.min(PIECE_BYTES, size - at));
      }
    }
  };
  return await verifyOpenPgp({ content: content(), file, keys, what: `its ${member.name}`, now });
}

function unreadable({ name }: ArMember, why: string) {
  const remedy = "sign it as debsigs does, or beside the file: erth sign";
  return {
    problems: [{ code: "DEB_SIGNATURE", message: `Its ${name} proves nothing: ${why}.`, remedy }],
    signatures: [],
  };
}
