/** What `erth verify --explain` prints, of every kind that has no golden of its own beside this folder. Without timestamps, which differ each time. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Secret } from "../../../../runtime/base/secret.ts";
import { signDmg } from "../../../../signing/apple/dmg.ts";
import { attachTicket } from "../../../../signing/apple/notary/staple.ts";
import { signXar } from "../../../../signing/apple/xar-signature.ts";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { type OpenPgpKey, readOpenPgpKey } from "../../../../signing/linux/openpgp-key.ts";
import { readOpenPgpPublicKeys } from "../../../../signing/linux/openpgp-public-key.ts";
import { explainFile } from "../../../../signing/verify.ts";
import { NO_TRUST } from "../../../../signing/verify/trust.ts";
import { signMsi } from "../../../../signing/windows/sign-msi.ts";
import { TEAM_ID, windowsAuthority } from "../../../fakes/certificate-authority.ts";
import { smallAppImage, smallDeb, smallRpm } from "../../../support/linux-packages.ts";
import { rawZip } from "../../../support/raw-zip.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { smallDmg } from "../../../unit/signing/apple/notary/small-dmg.ts";
import { smallXar } from "../../../unit/signing/apple/notary/small-xar.ts";
import { authority } from "../../../unit/signing/apple/signing.ts";
import { smallMsi } from "../../../unit/signing/windows/small-msi.ts";
import { smallPe } from "../../../unit/signing/windows/small-pe.ts";

const KEY = new URL("../../../fixtures/signing/openpgp-throwaway.asc", import.meta.url);
const signingTime = new Date("2026-06-01T11:59:00Z");
const roots = [authority.root.der, windowsAuthority().root.der].map((der) => parseCertificate(der));
const TICKET = Buffer.concat([Buffer.from("s8ch"), Buffer.alloc(60, 7)]);

async function openPgpKey(): Promise<OpenPgpKey> {
  return await readOpenPgpKey(new Secret(await readFile(KEY, "utf8")), undefined, signingTime);
}

async function explained(
  name: string,
  make: Uint8Array | ((path: string, folder: string) => Promise<void>),
): Promise<string> {
  const folder = await scratchFolder();
  const path = join(folder, name);
  await (make instanceof Uint8Array ? writeFile(path, make) : make(path, folder));
  const key = await readOpenPgpPublicKeys(Buffer.from((await openPgpKey()).armoredPublicKey), "key");
  return await explainFile(path, { trust: { ...NO_TRUST, roots, openPgpKeys: key }, now: signingTime });
}

test("a signed and stapled disk image", async () => {
  const text = await explained("Notes.dmg", async (path, folder) => {
    const [unsigned, signed] = [join(folder, "unsigned.dmg"), join(folder, "signed.dmg")];
    await writeFile(unsigned, smallDmg(Buffer.alloc(4096, "files ")));
    const signing = { signer: authority.application.signer, file: "Notes.dmg", signingTime };
    await signDmg({ path: unsigned, output: signed, identifier: "Notes", teamId: TEAM_ID, signing });
    await attachTicket(signed, path, TICKET);
  });
  await expect(text).toMatchFileSnapshot("dmg.txt");
});

test("a signed and stapled package", async () => {
  const text = await explained("Notes.pkg", async (path, folder) => {
    const [unsigned, signed] = [join(folder, "unsigned.pkg"), join(folder, "signed.pkg")];
    await writeFile(
      unsigned,
      smallXar({ Distribution: Buffer.from("<installer-gui-script/>"), Bom: Buffer.alloc(90) }),
    );
    const { signer } = authority.installer;
    await signXar({ path: unsigned, output: signed, signer, fileName: "Notes.pkg", signingTime });
    await attachTicket(signed, path, TICKET);
  });
  await expect(text).toMatchFileSnapshot("pkg.txt");
});

test("a signed Windows Installer file", async () => {
  const text = await explained("Notes.msi", async (path) => {
    await writeFile(path, await smallMsi());
    const { signer } = windowsAuthority().leaf;
    await signMsi({ input: path, output: path, signer, timestampUrl: null, fetch, description: "Notes" });
  });
  await expect(text).toMatchFileSnapshot("msi.txt");
});

test("a zip with an unsigned program and a hidden payload", async () => {
  const zip = rawZip([
    { name: "Notes/" },
    { name: "Notes/notes.exe", content: smallPe() },
    { name: "Notes/readme", gap: Buffer.from("hidden") },
  ]);
  await expect(await explained("Notes.zip", zip)).toMatchFileSnapshot("zip.txt");
});

test("signed packages of Linux", async () => {
  const key = await openPgpKey();
  await expect(await explained("notes.deb", await smallDeb({ key }))).toMatchFileSnapshot("deb.txt");
  await expect(await explained("notes.rpm", await smallRpm({ key }))).toMatchFileSnapshot("rpm.txt");
  await expect(await explained("Notes.AppImage", await smallAppImage(key))).toMatchFileSnapshot("appimage.txt");
});
