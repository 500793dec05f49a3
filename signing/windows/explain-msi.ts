/** A Windows Installer file and its signatures as text: what `erth verify --explain` prints, and what goldens freeze. Judges nothing. */
import { withFileRange } from "../../build/formats/byte-range.ts";
import { type CompoundEntry, readCompoundFile, readStream } from "../../build/formats/compound-file.ts";
import { signatureLines } from "./explain-pe.ts";
import { MSI_SIGNATURE, msiDigests, msiMetadataDigest } from "./msi-digest.ts";
import { msiKind } from "./msi-kind.ts";
import { readSignatures } from "./read-signature.ts";
import { MAX_SIGNATURE_BYTES } from "./verify-msi.ts";

/** The text of the file at this path. Throws `COMPOUND_DAMAGED`. */
export async function explainMsi(path: string): Promise<string> {
  return await withFileRange(path, async (range) => {
    const file = await readCompoundFile(range);
    const stream = (name: string): CompoundEntry | undefined =>
      file.root.children.find((child) => child.kind === "stream" && child.name === name);
    const [signature, extended] = [stream(MSI_SIGNATURE.signature), stream(MSI_SIGNATURE.extended)];
    const stored = extended && (await readStream(file, extended, MAX_SIGNATURE_BYTES));
    const content = signature && (await readStream(file, signature, MAX_SIGNATURE_BYTES));
    const { found, problems } = readSignatures(content === undefined ? [] : [content]);
    const digest = (await msiDigests(file, ["sha256"], stored)).get("sha256") ?? new Uint8Array();
    const lines = [
      `Windows Installer ${msiKind(file) ?? "file of another kind"}: ${range.size} bytes, ${file.usedBytes} in use, sectors of ${file.sectorBytes}`,
      ...entryLines(file.root.children, "  "),
      `sha256 of the content: ${Buffer.from(digest).toString("hex")}`,
      `sha256 of names and times: ${Buffer.from(msiMetadataDigest(file.root, "sha256")).toString("hex")}`,
      `extended signature: ${stored === undefined ? "none" : Buffer.from(stored).toString("hex")}`,
      ...(content === undefined ? ["signature: none"] : []),
      ...found.flatMap(({ index, signature: one }) => signatureLines(index, one)),
      ...problems.map(({ message }) => `unreadable: ${message}`),
    ];
    return lines.map((line) => `${line.replaceAll(/\p{Cc}/gu, "?")}\n`).join("");
  });
}

function entryLines(entries: readonly CompoundEntry[], indent: string): readonly string[] {
  return entries.flatMap(({ kind, name, bytes, classId, children }) =>
    kind === "stream"
      ? [`${indent}stream ${JSON.stringify(name)}: ${bytes} bytes`]
      : [
          `${indent}storage ${JSON.stringify(name)}: class ${Buffer.from(classId).toString("hex")}`,
          ...entryLines(children, `${indent}  `),
        ],
  );
}
