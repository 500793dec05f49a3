/** Who opens an app package again: readers of zips, after which its encoded names are decoded. */
import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { decodePartName } from "../../formats/opc.ts";
import { type ContainerReader, sevenZip, UNZIP } from "./container-reader.ts";

/** Neither modes nor links are in an app package, nor empty folders. */
const KEEPS = { modes: false, links: false, emptyFolders: false };

export const MSIX_UNZIP: ContainerReader = decoded(UNZIP);
export const MSIX_SEVEN_ZIP: ContainerReader = decoded(sevenZip(KEEPS));

/** What the package has beside the app's own files. */
export function isMsixExtra(path: string): boolean {
  return /^(?:AppxManifest\.xml|AppxBlockMap\.xml|AppxSignature\.p7x|\[Content_Types\]\.xml|Assets(?:\/(?:Store|Square44x44|Square150x150)Logo\.png)?)$/.test(
    path,
  );
}

function decoded(reader: ContainerReader): ContainerReader {
  return {
    ...reader,
    keeps: KEEPS,
    async read(request) {
      await reader.read(request);
      await decodeNames(request.folder);
    },
  };
}

async function decodeNames(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await decodeNames(join(folder, entry.name));
    const name = decodePartName(entry.name);
    if (name !== undefined && name !== entry.name && !name.includes("/")) {
      await rename(join(folder, entry.name), join(folder, name));
    }
  }
}
