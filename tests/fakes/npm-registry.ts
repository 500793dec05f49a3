/** A loopback npm registry of packages made on the spot, on top of the archive host and its faults. */
import { createHash } from "node:crypto";
import { type ArchiveHost, startArchiveHost } from "./archive-host.ts";

interface PublishedVersion {
  readonly package: string;
  readonly version: string;
  /** `sha512-…` of the tarball. */
  readonly integrity: string;
  /** Path of the tarball on the host, for `answer`. */
  readonly path: string;
}

export interface NpmRegistry extends ArchiveHost {
  /** Publishes a tarball; `integrity` overrides what the registry says of it, null leaves it out. */
  publish(name: string, version: string, tarball: Uint8Array, integrity?: string | null): PublishedVersion;
}

export function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}

export async function startNpmRegistry(): Promise<NpmRegistry> {
  const host = await startArchiveHost();
  return {
    ...host,
    publish: (name, version, tarball, stated) => {
      const integrity = integrityOf(tarball);
      const path = `/${name}/-/${name.split("/").at(-1)}-${version}.tgz`;
      host.files.set(path, tarball);
      const dist = {
        tarball: `${host.url}${path}`,
        ...(stated === null ? {} : { integrity: stated ?? integrity }),
      };
      const packument = {
        name,
        "dist-tags": { latest: version },
        versions: { [version]: { name, version, dist } },
      };
      host.files.set(`/${name}`, Buffer.from(JSON.stringify(packument)));
      return { package: name, version, integrity, path };
    },
  };
}
