/**
 * Where bytes come from: npm registries and archive hosts, both through
 * npm-registry-fetch, pacote's own transport, so that the user's registry,
 * tokens, proxy and certificates hold for each of them.
 */
import pacote from "pacote";
import fetch from "npm-registry-fetch";
import { ErthError } from "../../runtime/base/errors.ts";
import type { Digest } from "./digest.ts";
import type { ByteResponse, ByteSource } from "./download.ts";
import type { NpmSettings } from "./npm-settings.ts";
import { shownUrl, wrongDigest } from "./vendor-errors.ts";

export interface PackageVersion {
  readonly package: string;
  readonly version: string;
}

export interface RegistryTarball {
  readonly url: string;
  /** As the registry states it; undefined for a registry that keeps none. */
  readonly integrity: string | undefined;
}

export interface Transport {
  /** Loaded on the first use. */
  readonly settings: () => Promise<NpmSettings>;
  /** Silence that ends a request. */
  readonly stallMs: number;
}

/** Asks the registry where a version's tarball is and what digest it has; one attempt. */
export async function registryTarball(
  { package: name, version }: PackageVersion,
  { settings, stallMs }: Transport,
  signal: AbortSignal,
): Promise<RegistryTarball> {
  const options = { ...(await settings()), timeout: stallMs, signal };
  const manifest = await pacote.manifest(`${name}@${version}`, options);
  const url = manifest._resolved;
  if (url === undefined) throw new Error(`the registry names no tarball for ${name}@${version}`);
  return { url: new pacote.RemoteFetcher(url, options).resolved, integrity: manifest._integrity };
}

/**
 * A package's tarball as a source of bytes. The registry is asked when the
 * first byte is; a digest that it states itself and that is not the locked one
 * is `VENDOR_DIGEST` before anything is downloaded.
 */
export function npmSource(name: string, entry: PackageVersion, expected: Digest, transport: Transport): ByteSource {
  let tarball: RegistryTarball | undefined;
  return {
    get url() {
      return tarball?.url ?? `npm:${entry.package}@${entry.version}`;
    },
    open: async (offset, signal) => {
      tarball ??= await registryTarball(entry, transport, signal);
      const { url, integrity } = tarball;
      const stated = integrity?.split(/\s+/).find((one) => one.startsWith(`${expected.algorithm}-`));
      if (stated !== undefined && stated !== expected.text) throw wrongDigest(name, url, expected.text, stated);
      return get(url, offset, transport, signal, entry.package);
    },
  };
}

/** An archive, from its own URL or its place on the mirror. */
export function archiveSource(url: string, transport: Transport): ByteSource {
  return { url, open: (offset, signal) => get(url, offset, transport, signal) };
}

/** `<mirror>/<file name of the archive>` when there is a mirror, else the archive's own URL. */
export function archiveUrl(url: string, mirror: string | undefined): string {
  if (!mirror) return url;
  const base = URL.parse(mirror);
  if (base === null || !/^https?:$/.test(base.protocol)) {
    throw new ErthError({
      code: "VENDOR_MIRROR",
      message: `the mirror ${JSON.stringify(mirror)} is not an http or https URL.`,
      remedy: "correct ERTH_MIRROR, or vendor.mirror in erth.config.ts",
    });
  }
  const fileName = new URL(url).pathname.split("/").at(-1) ?? "";
  base.pathname = `${base.pathname.replace(/\/+$/, "")}/${fileName}`;
  return base.href;
}

async function get(
  url: string,
  offset: number,
  { settings, stallMs }: Transport,
  signal: AbortSignal,
  /** Chooses the token of a scoped registry. */
  spec?: string,
): Promise<ByteResponse> {
  const response = await fetch(url, {
    ...(await settings()),
    ...(spec === undefined ? {} : { spec }),
    timeout: stallMs,
    signal,
    headers: {
      accept: "*/*",
      "accept-encoding": "identity",
      ...(offset > 0 ? { range: `bytes=${offset}-` } : {}),
    },
  });
  const { headers, status, body } = response;
  if (status === 206) {
    const { start, totalBytes } = parseContentRange(headers.get("content-range"));
    return { start, totalBytes, body };
  }
  if (status !== 200) {
    throw Object.assign(new Error(`${shownUrl(url)} answered HTTP ${status}`), { statusCode: status });
  }
  // An encoded body is decoded on the way, and its length is not the file's.
  const length = headers.get("content-encoding") === null ? headers.get("content-length") : null;
  return { start: 0, totalBytes: length === null ? undefined : Number(length), body };
}

/** RFC 9110 §14.4: `bytes <first>-<last>/<complete length or *>`. */
export function parseContentRange(header: string | null): { start: number; totalBytes: number | undefined } {
  const match = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(header ?? "");
  if (match === null) throw new Error(`the server answered 206 with content-range ${JSON.stringify(header)}`);
  return { start: Number(match[1]), totalBytes: match[2] === "*" ? undefined : Number(match[2]) };
}
