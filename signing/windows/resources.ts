/**
 * Gives a Windows program its icon, version information and manifest. Has to
 * come before signing, so an earlier signature is dropped, and the result says
 * so. Other resources (Node's `NODE_SEA_BLOB` among them) keep their bytes.
 *
 * `resedit` encodes version information, icon group and directory. Not used of
 * it: its whole-program writer, which pads the certificate table so that its
 * length is wrong, and sums before the certificate is in; its icon replacing
 * across languages, which gives two pictures one number.
 */
import { Data, NtExecutable, NtExecutableResource, Resource as Resedit } from "resedit";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";
import { requireHashable } from "./authenticode.ts";
import { certificateTablePlace } from "./certificate-table.ts";
import { peChecksum } from "./checksum.ts";
import { forEachPiece, openPe, readBytes, readPe, replaceFile, writeBytes } from "./image-file.ts";
import { damagedTable, unsupported } from "./pe-errors.ts";
import type { Pe, PeSection } from "./pe.ts";
import { placeResources, resourceHeaders, resourceSection } from "./resource-layout.ts";
import { parseResources, type Resource, RESOURCE_TYPE } from "./resource-tree.ts";
import { LANGUAGE, versionResource, type WindowsVersion } from "./version-info.ts";

export interface SetResourcesRequest {
  /** Absolute paths; they may be the same. */
  readonly input: string;
  readonly output: string;
  /** A whole `.ico`; replaces every icon of the program. */
  readonly icon?: Uint8Array;
  /** Replaces the program's version information, in all languages. */
  readonly version?: WindowsVersion;
  /** XML; replaces the program's manifest. See `renderAppManifest`. */
  readonly manifest?: string;
  readonly signal?: AbortSignal;
}

export interface PlacedResource extends Omit<Resource, "offset"> {
  /** In the written file. */
  readonly fileOffset: number;
}

export interface SetResourcesResult {
  readonly hasDroppedSignature: boolean;
  /** Every resource of the written file, in its directory's order. */
  readonly resources: readonly PlacedResource[];
}

interface Entry {
  type: number | string;
  id: number | string;
  lang: number | string;
  codepage: number;
  bin: ArrayBuffer;
}

const MAX_SECTION_BYTES = 512 << 20;
const IMAGE_FILE_DLL = 0x2000;
const ICON_GROUP_ID = 1;
const MANIFEST_ID = { app: 1, dll: 2 } as const;

/** Writes the program with its new resources to `output`, whole or not at all. Throws `PE_…`, `ICON_INVALID`, `WINDOWS_VERSION`. */
export async function setResources(request: SetResourcesRequest): Promise<SetResourcesResult> {
  const { input, output, signal } = request;
  const file = await openPe(input);
  try {
    const { mode } = await file.stat();
    const pe = await readPe(file);
    requireHashable(pe);
    const { place: table, faults } = certificateTablePlace(pe);
    const [fault] = faults;
    if (fault !== undefined) throw damagedTable(fault);
    const contentEnd = table?.offset ?? pe.fileBytes;
    const head = await readBytes(file, 0, pe.sizeOfHeaders);
    const place = placeResources(pe, head);
    const current = resourceSection(pe);
    const entries = current ? entriesOf(await readSection(file, current), current.virtualAddress) : [];
    const { bin, rawSize } = encode(edited(entries, request, pe), place.virtualAddress, pe.fileAlignment);
    const section = new Uint8Array(bin);
    const headers = resourceHeaders(pe, head, place, { bytes: section.length, virtualBytes: rawSize });

    await replaceFile(output, mode, async (target) => {
      const sum = peChecksum();
      let position = 0;
      const write = async (bytes: Uint8Array): Promise<void> => {
        const written = writeBytes(target, bytes, position);
        sum.add(bytes, position);
        position += bytes.length;
        await written;
      };
      const copy = (offset: number, end: number): Promise<void> =>
        forEachPiece(file, { offset, length: end - offset }, write, signal);
      await write(headers);
      await copy(pe.sizeOfHeaders, place.offset);
      await write(section);
      await copy(place.offset + place.replacedBytes, contentEnd);
      const checksum = Buffer.alloc(4);
      checksum.writeUInt32LE(sum.value(position));
      await writeBytes(target, checksum, pe.checksumOffset);
    });
    return {
      hasDroppedSignature: table !== undefined,
      resources: parseResources(section, place.virtualAddress).map(({ offset, ...resource }) => ({
        ...resource,
        fileOffset: place.offset + offset,
      })),
    };
  } finally {
    await file.close();
  }
}

async function readSection(file: Awaited<ReturnType<typeof openPe>>, section: PeSection): Promise<Uint8Array> {
  if (section.rawBytes > MAX_SECTION_BYTES) throw unsupported(`its resources have ${section.rawBytes} bytes`);
  return readBytes(file, section.rawOffset, section.rawBytes);
}

function entriesOf(section: Uint8Array, virtualAddress: number): readonly Entry[] {
  return parseResources(section, virtualAddress).map(({ type, id, language, codepage, offset, length }) => ({
    type,
    id,
    lang: language,
    codepage,
    bin: bufferOf(section.subarray(offset, offset + length)),
  }));
}

function edited(entries: readonly Entry[], { icon, version, manifest }: SetResourcesRequest, pe: Pe): readonly Entry[] {
  const kind = (pe.characteristics & IMAGE_FILE_DLL) === 0 ? "app" : "dll";
  const replaced = new Set<number | string>([
    ...(icon ? [RESOURCE_TYPE.icon, RESOURCE_TYPE.groupIcon] : []),
    ...(version ? [RESOURCE_TYPE.version] : []),
    ...(manifest === undefined ? [] : [RESOURCE_TYPE.manifest]),
  ]);
  const result = entries.filter(({ type }) => !replaced.has(type));
  if (icon) result.push(...iconEntries(icon));
  if (version) result.push(neutral(RESOURCE_TYPE.version, 1, versionResource(version, kind).bin));
  if (manifest !== undefined) {
    result.push(neutral(RESOURCE_TYPE.manifest, MANIFEST_ID[kind], bufferOf(Buffer.from(manifest, "utf8"))));
  }
  return result;
}

function neutral(type: number, id: number, bin: ArrayBuffer): Entry {
  return { type, id, lang: LANGUAGE, codepage: 0, bin };
}

function iconEntries(icon: Uint8Array): readonly Entry[] {
  const entries: Entry[] = [];
  try {
    const { icons } = Data.IconFile.from(bufferOf(icon));
    if (icons.length === 0) throw new Error("it holds no picture");
    Resedit.IconGroupEntry.replaceIconsForResource(
      entries,
      ICON_GROUP_ID,
      LANGUAGE,
      icons.map(({ data }) => data),
    );
  } catch (cause) {
    throw new ErthError({
      code: "ICON_INVALID",
      message: `The icon is not a whole .ico file: ${messageOf(cause)}.`,
      remedy: "give app.icon as PNG or SVG, then: erth build",
      cause,
    });
  }
  return entries;
}

function encode(
  entries: readonly Entry[],
  virtualAddress: number,
  alignment: number,
): { bin: ArrayBuffer; rawSize: number } {
  const resources = NtExecutableResource.from(NtExecutable.createEmpty());
  resources.entries = [...entries];
  return resources.generateResourceData(virtualAddress, alignment, false, true);
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
