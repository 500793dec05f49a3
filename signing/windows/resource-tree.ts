/**
 * The resource directory of a Windows program, read: three levels of tables
 * (type, name, language) and the data they point at. Every offset is checked.
 * Follows Microsoft's "PE Format", "The .rsrc Section". Writing is `resedit`'s.
 */
import { unsupported } from "./pe-errors.ts";

export interface Resource {
  /** Numbers are the predefined types: `RESOURCE_TYPE`. */
  readonly type: number | string;
  readonly id: number | string;
  /** LANGID. */
  readonly language: number | string;
  readonly codepage: number;
  /** In the section. */
  readonly offset: number;
  readonly length: number;
}

/** RT_… of winuser.h, as far as they are used here. */
export const RESOURCE_TYPE = { icon: 3, rcData: 10, groupIcon: 14, version: 16, manifest: 24 } as const;

const TABLE_BYTES = 16;
const ENTRY_BYTES = 8;
const DATA_ENTRY_BYTES = 16;
const LEVELS = 3;
const HIGH_BIT = 0x8000_0000;
const MAX_RESOURCES = 10_000;
const MAX_TABLES = 10_000;

/**
 * The resources of a section that begins with the directory and is loaded at
 * this RVA, in the directory's order. Throws `PE_UNSUPPORTED` for a directory
 * that is damaged, or whose data lies elsewhere.
 */
export function parseResources(section: Uint8Array, virtualAddress: number): readonly Resource[] {
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  const resources: Resource[] = [];
  let tables = 0;
  const within = (offset: number, length: number, what: string): number => {
    if (offset + length > view.byteLength) throw unsupported(`${what} of its resources lies outside their section`);
    return offset;
  };

  const nameOf = (field: number): number | string => {
    if (field < HIGH_BIT) return field;
    const at = within(field - HIGH_BIT, 2, "a name");
    const length = view.getUint16(at, true) * 2;
    return Buffer.from(section.subarray(within(at + 2, length, "a name"), at + 2 + length)).toString("utf16le");
  };

  const readTable = (at: number, path: readonly (number | string)[]): void => {
    tables += 1;
    if (tables > MAX_TABLES) throw unsupported(`its resources have more than ${MAX_TABLES} tables`);
    within(at, TABLE_BYTES, "a table");
    const count = view.getUint16(at + 12, true) + view.getUint16(at + 14, true);
    within(at + TABLE_BYTES, count * ENTRY_BYTES, "a table");
    for (let index = 0; index < count; index += 1) {
      const entry = at + TABLE_BYTES + index * ENTRY_BYTES;
      const next = view.getUint32(entry + 4, true);
      const here = [...path, nameOf(view.getUint32(entry, true))];
      const isTable = next >= HIGH_BIT;
      if (isTable !== here.length < LEVELS) throw unsupported(`its resources do not have ${LEVELS} levels`);
      if (isTable) readTable(next - HIGH_BIT, here);
      else resources.push(readData(next, here));
      if (resources.length > MAX_RESOURCES) throw unsupported(`it has more than ${MAX_RESOURCES} resources`);
    }
  };

  const readData = (at: number, [type = 0, id = 0, language = 0]: readonly (number | string)[]): Resource => {
    within(at, DATA_ENTRY_BYTES, "a data entry");
    const offset = view.getUint32(at, true) - virtualAddress;
    const length = view.getUint32(at + 4, true);
    if (offset < 0) throw unsupported(`the data of resource ${type}/${id} lies before its section`);
    within(offset, length, `the data of resource ${type}/${id}`);
    return { type, id, language, codepage: view.getUint32(at + 8, true), offset, length };
  };

  readTable(0, []);
  return resources;
}
