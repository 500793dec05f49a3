/** The `Info.plist` that a program outside a bundle may carry in its `__TEXT,__info_plist` section. */
import type { ByteRange } from "../../build/formats/byte-range.ts";
import type { MachO } from "./mach-o.ts";
import { machOMalformed } from "./mach-o-errors.ts";

const MAX_BYTES = 1 << 20;

/** Its bytes, which the signature seals as it does a bundle's; undefined where there is none. */
export async function embeddedInfoPlist(machO: MachO, slice: ByteRange): Promise<Uint8Array | undefined> {
  const section = machO.text.sections.find(({ name }) => name === "__info_plist");
  if (section === undefined || section.size === 0) return undefined;
  if (section.size > MAX_BYTES) throw machOMalformed(`its __info_plist has ${section.size} bytes`);
  return slice.read(section.offset, section.size);
}
