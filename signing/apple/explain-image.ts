/** Disk images and packages as text: what `erth verify --explain` prints, and what goldens freeze. */
import { explainSignature, explainSigner, problemLines } from "./explain.ts";
import { inspectDmg } from "./verify-dmg.ts";
import type { VerifyCodeOptions } from "./verify-mach-o.ts";
import { inspectXar } from "./verify-xar.ts";

/** Fields of the trailer, by their offsets; numbers of eight bytes. */
const KOLY_FIELDS: readonly (readonly [name: string, at: number])[] = [
  ["data fork offset", 24],
  ["data fork length", 32],
  ["property list offset", 216],
  ["property list length", 224],
  ["signature offset", 296],
  ["signature length", 304],
  ["sectors", 492],
];

/** A disk image's trailer and signature, with its problems. */
export async function explainDmg(path: string, options: VerifyCodeOptions): Promise<string> {
  const { problems, image, signature, dataChecksum, ticket, cms, designated } = await inspectDmg(path, options);
  const lines: string[] = [];
  if (image !== undefined) {
    const koly = new DataView(image.koly.buffer, image.koly.byteOffset, image.koly.byteLength);
    lines.push(`disk image: ${image.dataBytes} signed bytes`);
    for (const [name, at] of KOLY_FIELDS) lines.push(`  ${name}: ${koly.getBigUint64(at)}`);
    lines.push(`  checksum: ${dataChecksum ?? "none"}`);
    const place = { offset: image.dataBytes, size: image.signature?.length ?? 0 };
    if (signature !== undefined) lines.push(...explainSignature(place, signature, { cms, designated }));
    lines.push(`ticket: ${ticket === undefined ? "none" : `${ticket.length} bytes`}`);
  }
  return textOf([...lines, ...problemLines(problems)]);
}

/** A package's table of contents and signatures, with its problems. */
export async function explainXar(path: string, options: VerifyCodeOptions, signal?: AbortSignal): Promise<string> {
  const { problems, archive, ...signer } = await inspectXar(path, options, signal);
  const lines: string[] = [];
  if (archive !== undefined) {
    const { toc, heapOffset, endOffset, checksumStyle, checksum, ticket } = archive;
    lines.push(`package: heap of ${endOffset - heapOffset} bytes at ${heapOffset}`);
    lines.push(`  ${checksumStyle}: ${Buffer.from(checksum).toString("hex")}`);
    for (const { offset, length } of toc.data) lines.push(`  data: ${length} bytes at ${offset}`);
    for (const { style, offset, size, certificates } of toc.signatures)
      lines.push(`signature ${style}: ${size} bytes at ${offset}, ${certificates.length} certificates`);
    lines.push(...(signer.chain.length === 0 ? ["signer: none"] : explainSigner(signer)));
    lines.push(`ticket: ${ticket === undefined ? "none" : `${ticket.length} bytes`}`);
  }
  return textOf([...lines, ...problemLines(problems)]);
}

/** Names come from the file, and may hold what a terminal would act on. */
function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line.replaceAll(/\p{Cc}/gu, "?")}\n`).join("");
}
