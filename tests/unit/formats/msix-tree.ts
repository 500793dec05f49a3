/** A small app package of Windows, for the tests of its parts and of its signature. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type AppxFacts, renderAppxManifest } from "../../../build/formats/appx-manifest.ts";
import { plainDeflate } from "../../../build/formats/deflate-run.ts";
import { type MsixFile, writeMsix } from "../../../build/formats/msix.ts";
import { writeThrough } from "../../support/containers.ts";
import { scratchFolder } from "../../support/scratch.ts";

export const APPX_FACTS: AppxFacts = {
  identityName: "dev.example.notes",
  publisher: "C=US, O=Erth Test Publisher, CN=Erth Test Publisher",
  version: "1.2.3.0",
  displayName: "Plain & Nötes 漢字",
  publisherDisplayName: "Example",
  description: "Keeps notes",
  executable: "Plain & Nötes 漢字.exe",
  logos: { store: "Assets/StoreLogo.png", small: "Assets/Square44x44Logo.png", medium: "Assets/Square150x150Logo.png" },
  protocols: [],
  fileTypes: [],
};

export function textFile(path: string, text: string | Uint8Array): MsixFile {
  const content = Buffer.from(text);
  return { path, content, bytes: content.length };
}

/** An executable of three blocks, noise that is stored, an empty file, odd names. */
export const SMALL_FILES: readonly MsixFile[] = [
  textFile("Plain & Nötes 漢字.exe", Buffer.alloc(150_000, "MZ program ")),
  textFile("bin/run it+[1].dll", Buffer.alloc(70_000, "library ")),
  textFile("resources/noise.bin", Buffer.from(Array.from({ length: 400 }, (_, at) => (at * 7919 * 31) % 251))),
  textFile("resources/empty", ""),
  textFile("resources/a.b c'd(e).json", '{"a": 1}'),
  textFile("Assets/StoreLogo.png", "\x89PNG 50"),
  textFile("Assets/Square44x44Logo.png", "\x89PNG 44"),
  textFile("Assets/Square150x150Logo.png", "\x89PNG 150"),
];

export interface SmallMsixOptions {
  readonly files?: readonly MsixFile[];
  readonly facts?: Partial<AppxFacts>;
  /** Where to write it; a folder of its own, if not given. */
  readonly path?: string;
}

/** Writes a package and returns its path. */
export async function smallMsix({ files = SMALL_FILES, facts, path: place }: SmallMsixOptions = {}): Promise<string> {
  const path = place ?? join(await scratchFolder(), "x.msix");
  const manifest = renderAppxManifest({ ...APPX_FACTS, ...facts });
  const { signal } = new AbortController();
  await writeThrough(path, (sink) => writeMsix(sink, { files, manifest, deflate: plainDeflate(9), signal }));
  return path;
}

/** Bytes that deflate makes no smaller. */
export function noise(path: string, bytes: number): MsixFile {
  return textFile(path, randomBytes(bytes));
}
