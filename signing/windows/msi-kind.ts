/** Which compound files are Windows Installer's: the class id of their root says so. */
import { ErthError } from "../../runtime/base/errors.ts";
import type { CompoundFile } from "../../build/formats/compound-file.ts";

/** As stored: {000C1084-…}, {000C1086-…} and {000C1082-…} of Windows Installer. */
const KINDS: Readonly<Record<string, string>> = {
  "84100c0000000000c000000000000046": "installer",
  "86100c0000000000c000000000000046": "patch",
  "82100c0000000000c000000000000046": "transform",
};

/** "installer", "patch" or "transform"; undefined for other compound files (Word's, Excel's). */
export function msiKind({ root }: CompoundFile): string | undefined {
  return KINDS[Buffer.from(root.classId).toString("hex")];
}

/** Throws `MSI_NOT_MSI`. */
export function requireMsi(file: CompoundFile): void {
  if (msiKind(file) === undefined) throw notMsi(file);
}

export function notMsi({ root }: CompoundFile): ErthError {
  return new ErthError({
    code: "MSI_NOT_MSI",
    message: `This compound file is no Windows Installer file: its class id is ${Buffer.from(root.classId).toString("hex")}.`,
    remedy: "give an .msi, .msp or .mst file",
  });
}
