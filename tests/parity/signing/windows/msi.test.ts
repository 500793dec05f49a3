/** Windows Installer files made by `wixl`: what we sign, osslsigncode, relic and jsign verify or read; what they sign, we verify. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { signMsi } from "../../../../signing/windows/sign-msi.ts";
import { verifyMsi } from "../../../../signing/windows/verify-msi.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { authority, timestamps } from "../../../unit/signing/windows/signing.ts";
import { smallMsi } from "../../../unit/signing/windows/small-msi.ts";
import { findTool } from "../apple/apple-tools.ts";
import { hasJsign, hasOsslsigncode, JSIGN, run } from "./tools.ts";
import { hasWixl, wixlMsi } from "./wixl.ts";

const relic = findTool("relic");
const settings = { trusted: [parseCertificate(authority.root.der)], now: new Date("2026-06-01T12:00:00Z") };

let installer: Uint8Array = new Uint8Array();
beforeAll(async () => {
  if (hasWixl) installer = await wixlMsi();
});

/** A folder with the unsigned installer, the keys and roots, and where a signed one goes. */
async function workplace(tsaRoot = "") {
  const folder = await scratchFolder();
  const at = (name: string): string => join(folder, name);
  await writeFile(at("in.msi"), installer);
  await writeFile(at("root.pem"), authority.root.certificatePem);
  await writeFile(at("chain.pem"), authority.leaf.chainPem);
  await writeFile(at("key.pem"), authority.leaf.keyPem);
  await writeFile(at("time-root.pem"), tsaRoot);
  return at;
}

test.skipIf(!hasWixl || !hasOsslsigncode).for([true, false])(
  "osslsigncode verifies what we sign (extended: %s), and finds a changed byte",
  async (extended) => {
    const tsa = await timestamps();
    const at = await workplace(tsa.identity.chainPem);
    const { signer } = authority.leaf;
    const request = { signer, timestampUrl: tsa.url, fetch, extended, description: "Notes ☂" };
    const { digest } = await signMsi({ input: at("in.msi"), output: at("out.msi"), ...request });
    const roots = ["-CAfile", at("root.pem"), "-TSA-CAfile", at("time-root.pem")];
    const { isDone, text } = await run("osslsigncode", ["verify", ...roots, at("out.msi")]);
    expect(isDone, text).toBe(true);
    expect(text).toContain(`Calculated DigitalSignature      : ${digest.toUpperCase()}`);
    expect(text).toContain("Signature verification: ok");
    expect(text).toContain("Timestamp Server Signature verification: ok");
    expect(text.includes("Calculated MsiDigitalSignatureEx")).toBe(extended);
    expect(text).not.toContain("MISMATCH");

    const changed = await readFile(at("out.msi"));
    const place = changed.indexOf("MSCF");
    changed[place + 100] = (changed[place + 100] ?? 0) ^ 1;
    await writeFile(at("changed.msi"), changed);
    expect((await run("osslsigncode", ["verify", ...roots, at("changed.msi")])).isDone).toBe(false);
    expect((await verifyMsi(at("changed.msi"), settings)).problems.map(({ code }) => code)).toEqual([
      "AUTHENTICODE_DIGEST",
    ]);
    // Its own parser of compound files still finds every table.
    const { text: tables } = await run("msiinfo", ["tables", at("out.msi")]);
    expect(tables).toBe((await run("msiinfo", ["tables", at("in.msi")])).text);
  },
);

const theirs = [
  { what: "a signature", args: [] },
  { what: "SHA-512 and the extended signature", args: ["-add-msi-dse", "-h", "sha512"] },
] as const;

test.skipIf(!hasWixl || !hasOsslsigncode).for(theirs)("$what by osslsigncode passes our verify", async ({ args }) => {
  const tsa = await timestamps();
  const at = await workplace();
  const files = ["-certs", at("chain.pem"), "-key", at("key.pem"), "-in", at("in.msi"), "-out", at("out.msi")];
  const signed = await run("osslsigncode", ["sign", "-h", "sha256", ...args, "-ts", tsa.url, ...files]);
  expect(signed.isDone, signed.text).toBe(true);
  const { problems, isExtended, signatures } = await verifyMsi(at("out.msi"), settings);
  expect(problems).toEqual([]);
  expect(isExtended).toBe(args.length > 0);
  expect(signatures).toMatchObject([{ signer: "Erth Test Publisher", timestampAuthority: "Erth Test Time Authority" }]);
});

test.skipIf(!hasWixl || relic === undefined)("relic verifies what we sign", async () => {
  const at = await workplace();
  const { signer } = authority.leaf;
  await signMsi({ input: at("in.msi"), output: at("out.msi"), signer, timestampUrl: null, fetch });
  const { isDone, text } = await run(relic ?? "", ["verify", "--cert", at("root.pem"), at("out.msi")]);
  expect(isDone, text).toBe(true);
  expect(text).toContain("out.msi: OK");
});

test.skipIf(!hasWixl || !hasJsign)("a signature by jsign passes our verify", async () => {
  const at = await workplace();
  const tsa = await timestamps();
  const keys = ["--keyfile", at("key.pem"), "--certfile", at("chain.pem"), "--tsaurl", tsa.url, "--tsmode", "RFC3161"];
  const signed = await run("java", ["-jar", JSIGN, ...keys, at("in.msi")]);
  expect(signed.isDone, signed.text).toBe(true);
  expect((await verifyMsi(at("in.msi"), settings)).problems).toEqual([]);
});

test.skipIf(relic === undefined)("storages inside the root are digested as relic digests them", async () => {
  const at = await workplace();
  await writeFile(
    at("in.msi"),
    await smallMsi({ "a storage": { b: Buffer.alloc(70, 1), c: { d: Buffer.alloc(5000) } } }),
  );
  const { signer } = authority.leaf;
  await signMsi({ input: at("in.msi"), output: at("out.msi"), signer, timestampUrl: null, fetch });
  const { isDone, text } = await run(relic ?? "", ["verify", "--cert", at("root.pem"), at("out.msi")]);
  expect(isDone, text).toBe(true);
});
