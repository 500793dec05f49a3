/**
 * Unpacks a disk image with the readers of `formats/`, which share no code
 * with its writers. The image may be hostile: nothing is written outside the
 * folder, over anything, or through a link.
 */
import { mkdir, open, symlink } from "node:fs/promises";
import { join } from "node:path";
import { subRange, withFileRange } from "../../formats/byte-range.ts";
import { openHfsPlus, type HfsPlusEntry, type OpenHfsPlus } from "../../formats/hfs-plus-reader.ts";
import { hfsPartition, openUdif } from "../../formats/udif-reader.ts";
import type { ContainerReader } from "./container-reader.ts";

/** For machines without 7-Zip; into a folder with the volume's name, as 7-Zip does it. */
export const DMG_READER: ContainerReader = {
  name: "erth's own reader of disk images",
  program: undefined,
  keeps: { modes: true, links: true },
  async read({ file, folder, signal }) {
    await withFileRange(file, async (range) => {
      const image = await openUdif(range);
      const { offset, bytes } = hfsPartition(image);
      const volume = await openHfsPlus(subRange(image.sectors, offset, bytes));
      await unpackVolume(volume, join(folder, volume.name.replaceAll(/[/\\]/g, "_")), signal);
    });
  },
};

/** Folders, then files, then links, so that no path leads through a link. */
async function unpackVolume(volume: OpenHfsPlus, folder: string, signal: AbortSignal): Promise<void> {
  await mkdir(folder, { recursive: true });
  const ofKind = (kind: HfsPlusEntry["kind"]): readonly HfsPlusEntry[] =>
    volume.entries.filter((entry) => entry.kind === kind);
  for (const { path } of ofKind("folder")) await mkdir(join(folder, path));
  for (const entry of ofKind("file")) {
    signal.throwIfAborted();
    const file = await open(join(folder, entry.path), "wx", entry.mode & 0o777);
    try {
      for await (const chunk of volume.content(entry)) await file.writeFile(chunk);
    } finally {
      await file.close();
    }
  }
  for (const entry of ofKind("link")) await symlink(await volume.linkTarget(entry), join(folder, entry.path));
}
