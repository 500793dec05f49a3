/**
 * Which target a native binary is for, from its first bytes: ELF `e_machine`,
 * Mach-O `cputype`, PE `Machine`. Enough to refuse the wrong one by name.
 */
import { open } from "node:fs/promises";
import type { TargetArch, TargetOs } from "../plan/target.ts";

const HEAD_BYTES = 4096;
const ELF_MACHINES: Readonly<Record<number, TargetArch>> = { 62: "x64", 183: "arm64" };
const MACH_O_CPUS: Readonly<Record<number, TargetArch>> = { 0x0100_0007: "x64", 0x0100_000c: "arm64" };
const PE_MACHINES: Readonly<Record<number, TargetArch>> = { 0x8664: "x64", 0xaa64: "arm64" };

/** `linux-x64` and the like, one for each slice of a universal Mach-O; empty for anything unknown. */
export function targetsOfBinary(head: Uint8Array): readonly `${TargetOs}-${TargetArch}`[] {
  if (head.length < 64) return [];
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const magic = view.getUint32(0, false);
  if (magic === 0x7f45_4c46) {
    const arch = ELF_MACHINES[view.getUint16(0x12, true)];
    return arch && head[4] === 2 && head[5] === 1 ? [`linux-${arch}`] : [];
  }
  if (magic === 0xcffa_edfe) {
    const arch = MACH_O_CPUS[view.getUint32(4, true)];
    return arch ? [`darwin-${arch}`] : [];
  }
  if (magic === 0xcafe_babe) {
    // A Java class has the same magic; its "count" is a version far above any number of slices.
    const count = view.getUint32(4, false);
    if (count > 8 || 8 + count * 20 > head.length) return [];
    return Array.from({ length: count }, (_, index) => MACH_O_CPUS[view.getUint32(8 + index * 20, false)]).flatMap(
      (arch) => (arch ? [`darwin-${arch}` as const] : []),
    );
  }
  if (view.getUint16(0, false) === 0x4d5a) {
    const at = view.getUint32(0x3c, true);
    if (at + 6 > head.length || view.getUint32(at, false) !== 0x5045_0000) return [];
    const arch = PE_MACHINES[view.getUint16(at + 4, true)];
    return arch ? [`win32-${arch}`] : [];
  }
  return [];
}

/** The same for a file. */
export async function targetsOfFile(path: string): Promise<readonly `${TargetOs}-${TargetArch}`[]> {
  const file = await open(path, "r");
  try {
    const { bytesRead, buffer } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return targetsOfBinary(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}
