/** One small signed file of every kind that can be verified, and whom to trust for them. */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { encodeTail } from "../../build/formats/payload.ts";
import { listTree } from "../../build/artifacts/digest.ts";
import { signApp } from "../../signing/apple/sign-app.ts";
import { signDmg } from "../../signing/apple/dmg.ts";
import { attachTicket } from "../../signing/apple/notary/staple.ts";
import { signMachO } from "../../signing/apple/sign-mach-o.ts";
import { signXar } from "../../signing/apple/xar-signature.ts";
import { parseCertificate } from "../../signing/cms/certificate.ts";
import { fileContent, signMinisign } from "../../signing/linux/minisign.ts";
import { generateMinisignKey } from "../../signing/linux/minisign-key.ts";
import { armorSignature, signOpenPgp } from "../../signing/linux/openpgp.ts";
import { readOpenPgpPublicKeys } from "../../signing/linux/openpgp-public-key.ts";
import type { Trust } from "../../signing/verify/trust.ts";
import { signMsi } from "../../signing/windows/sign-msi.ts";
import { signMsix } from "../../signing/windows/sign-msix.ts";
import { signPe } from "../../signing/windows/sign-pe.ts";
import { appleAuthority, TEAM_ID, windowsAuthority } from "../fakes/certificate-authority.ts";
import { startTimestampAuthority } from "../fakes/timestamp-authority.ts";
import { smallMsix, textFile } from "../unit/formats/msix-tree.ts";
import { smallDmg } from "../unit/signing/apple/notary/small-dmg.ts";
import { smallXar } from "../unit/signing/apple/notary/small-xar.ts";
import { writeTinyApp } from "../unit/signing/apple/tiny-app.ts";
import { tinyFat, tinyMachO } from "../unit/signing/apple/tiny-mach-o.ts";
import { smallMsi } from "../unit/signing/windows/small-msi.ts";
import { smallPe } from "../unit/signing/windows/small-pe.ts";
import { smallAppImage, smallDeb, smallElf, smallRpm } from "./linux-packages.ts";
import { openPgpKey } from "./openpgp-keys.ts";
import { rawZip } from "./raw-zip.ts";

/** Names of the files, by what they are. */
export const SIGNED_FILES = {
  "mach-o": "program",
  universal: "library.dylib",
  app: "Tiny.app",
  dmg: "Notes.dmg",
  pkg: "Notes.pkg",
  zip: "Notes.zip",
  pe: "Notes.exe",
  msi: "Notes.msi",
  msix: "Notes.msix",
  deb: "notes.deb",
  rpm: "notes.rpm",
  appimage: "Notes.AppImage",
  elf: "notes-single",
  file: "feed.json",
} as const;
export type SignedKind = keyof typeof SIGNED_FILES;

const signingTime = new Date("2026-06-01T11:59:00Z");
const TICKET = Buffer.concat([Buffer.from("s8ch"), Buffer.alloc(60, 7)]);

/** Writes them all into an empty folder. */
export async function writeSignedFiles(folder: string): Promise<Trust> {
  const at = (kind: SignedKind): string => join(folder, SIGNED_FILES[kind]);
  const unsigned = join(folder, "unsigned");
  await mkdir(unsigned);
  const from = async (name: string, bytes: Uint8Array): Promise<string> => {
    await writeFile(join(unsigned, name), bytes);
    return join(unsigned, name);
  };
  const [apple, windows, tsa] = [appleAuthority(), windowsAuthority(), await startTimestampAuthority()];
  const timestamp = { url: tsa.url, fetch };
  const developerId = { signer: apple.application.signer, timestampUrl: tsa.url, signingTime };
  const authenticode = { signer: windows.leaf.signer, timestampUrl: tsa.url, fetch };
  const key = await openPgpKey();
  const minisign = generateMinisignKey();
  try {
    const code = { identifier: "dev.erth.tiny", ...developerId };
    await signMachO({ input: await from("a", tinyMachO({ textBytes: 9000 })), output: at("mach-o"), ...code });
    const slices = [
      tinyMachO({ architecture: "x86_64", fileType: 6, textBytes: 5000 }),
      tinyMachO({ fileType: 6, textBytes: 5000 }),
    ];
    await signMachO({ input: await from("b", tinyFat(...slices)), output: at("universal"), ...code });
    const signedApp = writeTinyApp(join(unsigned, SIGNED_FILES.app));
    await signApp({ app: signedApp, ...developerId });
    await attachTicket(signedApp, at("app"), TICKET);
    const signing = { signer: apple.application.signer, file: "Notes.dmg", signingTime, timestamp };
    const signedDmg = join(unsigned, "signed.dmg");
    await signDmg({
      path: await from("a.dmg", smallDmg(Buffer.alloc(4096, "files "))),
      output: signedDmg,
      identifier: "Notes",
      teamId: TEAM_ID,
      signing,
    });
    await attachTicket(signedDmg, at("dmg"), TICKET);
    const files = { Distribution: Buffer.from("<installer-gui-script/>"), Payload: Buffer.alloc(900, "payload ") };
    const signedPkg = join(unsigned, "signed.pkg");
    const { signer } = apple.installer;
    await signXar({
      path: await from("a.pkg", smallXar(files)),
      output: signedPkg,
      signer,
      fileName: "Notes.pkg",
      signingTime,
      timestamp,
    });
    await attachTicket(signedPkg, at("pkg"), TICKET);
    await signPe({
      input: await from("a.exe", smallPe({ overlay: Buffer.alloc(300, "payload") })),
      output: at("pe"),
      ...authenticode,
    });
    await signMsi({ input: await from("a.msi", await smallMsi()), output: at("msi"), ...authenticode });
    const parts = [
      textFile("Notes & more.exe", await readFile(at("pe"))),
      textFile("readme.txt", "read me, ".repeat(9000)),
    ];
    const unsignedMsix = await smallMsix({ files: parts, path: join(unsigned, "a.msix") });
    await signMsix({ input: unsignedMsix, output: at("msix"), ...authenticode });
    await writeFile(at("zip"), await zipOf(at("app"), at("pe")));
    await writeFile(at("deb"), await smallDeb({ key }));
    await writeFile(at("rpm"), await smallRpm({ key }));
    await writeFile(at("appimage"), await smallAppImage(key));
    await writeFile(at("elf"), singleFile());
    await writeFile(at("file"), '{"version":"1.4.0"}');
    const openPgp = await signOpenPgp(fileContent(at("file")), key, new Date("2026-06-01T12:00:00Z"));
    await writeFile(`${at("file")}.asc`, armorSignature(openPgp));
    await writeFile(
      `${at("file")}.minisig`,
      await signMinisign(fileContent(at("file")), minisign, "file:feed.json", "minisign"),
    );
  } finally {
    await tsa.close();
  }
  const timeRoot = tsa.identity.chain.at(-1) ?? new Uint8Array();
  return {
    roots: [apple.root.der, windows.root.der, timeRoot].map((der) => parseCertificate(der)),
    openPgpKeys: await readOpenPgpPublicKeys(Buffer.from(key.armoredPublicKey), "key"),
    minisignKeys: [minisign.publicKey],
  };
}

/** An app and a program in one archive. */
async function zipOf(app: string, program: string): Promise<Buffer> {
  const entries = await Promise.all(
    (await listTree(app)).map(async ({ path, kind, link }) => ({
      name: `Tiny.app/${path}${kind === "folder" ? "/" : ""}`,
      mode: kind === "folder" ? 0o040755 : kind === "link" ? 0o120777 : 0o100755,
      content:
        kind === "folder"
          ? Buffer.alloc(0)
          : kind === "link"
            ? Buffer.from(link ?? "")
            : await readFile(join(app, path)),
    })),
  );
  return rawZip([{ name: "Tiny.app/" }, ...entries, { name: "Notes.exe", content: await readFile(program) }]);
}

/** An ELF program with a payload of one file. */
function singleFile(): Buffer {
  const stub = smallElf();
  const content = Buffer.from("console.log('notes')\n");
  const sha256 = createHash("sha256").update(content).digest("hex");
  const frame = zstdCompressSync(content);
  const index = {
    v: 1 as const,
    app: { name: "Notes", slug: "notes", identifier: "dev.erth.notes", version: "1.4.0" },
    id: sha256.slice(0, 16),
    launch: { executable: "main.js", args: [], cwd: "", env: {} },
    requirements: [],
    frames: [{ offset: stub.length, length: frame.length, rawLength: content.length, filter: "none" as const, sha256 }],
    entries: [
      {
        type: "file" as const,
        path: "main.js",
        mode: 0o755,
        size: content.length,
        sha256,
        slices: [{ frame: 0, offset: 0, length: content.length }],
      },
    ],
  };
  return Buffer.concat([stub, frame, encodeTail(index, stub.length + frame.length)]);
}
