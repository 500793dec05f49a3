/** Both ways with `osslsigncode`: what we sign it verifies, what it signs we verify. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { verifyPe } from "../../../../signing/windows/verify-pe.ts";
import type { Identity } from "../../../fakes/certificate-authority.ts";
import { authority, timestamps, workplace } from "../../../unit/signing/windows/signing.ts";
import { entryOffset, smallPe } from "../../../unit/signing/windows/small-pe.ts";
import { hasOsslsigncode, run } from "./tools.ts";

const trusted = [authority.root.der];
const withTool = test.skipIf(!hasOsslsigncode);

async function roots(folder: string, authorityOfTime: Identity): Promise<readonly string[]> {
  await writeFile(join(folder, "root.pem"), authority.root.certificatePem);
  await writeFile(join(folder, "time-root.pem"), authorityOfTime.chainPem);
  return ["-CAfile", join(folder, "root.pem"), "-TSA-CAfile", join(folder, "time-root.pem")];
}

const programs = {
  "an EXE": smallPe(),
  "a 32-bit DLL": smallPe({ format: "PE32", isDll: true }),
  "a payload of odd length": smallPe({ overlay: Buffer.alloc(4099, 0x5a) }),
} as const;
const keys = { RSA: authority.leaf, "P-256": authority.p256, "P-384": authority.p384 } as const;

withTool.for(
  Object.entries(programs).flatMap(([name, program]) =>
    Object.entries(keys).map(([key, identity]) => ({ name, program, key, identity })),
  ),
)("osslsigncode verifies $name signed with $key", async ({ program, identity }) => {
  const tsa = await timestamps();
  const { sign, output, folder } = await workplace(program);
  const { digest } = await sign({
    signer: identity.signer,
    timestampUrl: tsa.url,
    description: "Notes ☂",
    url: "https://erth.dev/",
  });
  const { isDone, text } = await run("osslsigncode", ["verify", ...(await roots(folder, tsa.identity)), output]);
  expect(text).toContain(`Calculated message digest : ${digest.toUpperCase()}`);
  expect(text).toContain("Timestamp Server Signature verification: ok");
  expect(text).toContain("Signature verification: ok");
  expect(text).toContain("Text description: Notes ☂");
  expect(text).not.toContain("MISMATCH");
  expect(isDone, text).toBe(true);
});

withTool("osslsigncode verifies both of two nested signatures, and finds a changed byte", async () => {
  const tsa = await timestamps();
  const { sign, output, folder } = await workplace();
  await sign({ timestampUrl: tsa.url });
  await sign({ timestampUrl: tsa.url, input: output, append: true, signer: authority.p256.signer });
  const args = ["verify", ...(await roots(folder, tsa.identity)), output];
  const whole = await run("osslsigncode", args);
  expect(whole.text).toContain("Number of verified signatures: 2");
  expect(whole.text).not.toContain("MISMATCH");
  const file = await readFile(output);
  file[1200] = 1;
  await writeFile(output, file);
  expect((await run("osslsigncode", args)).isDone).toBe(false);
});

const theirs = [
  { what: "a signature", args: [] },
  { what: "SHA-512", args: ["-h", "sha512"] },
  { what: "name, link and page hashes", args: ["-n", "Notes", "-i", "https://erth.dev/", "-ph"] },
] as const;

withTool.for(theirs)("$what by osslsigncode passes our verify", async ({ args }) => {
  const tsa = await timestamps();
  const { input, output, folder } = await workplace(smallPe({ overlay: Buffer.alloc(1001, 7) }));
  await writeFile(join(folder, "chain.pem"), authority.leaf.chainPem);
  await writeFile(join(folder, "key.pem"), authority.leaf.keyPem);
  const files = ["-certs", join(folder, "chain.pem"), "-key", join(folder, "key.pem"), "-in", input, "-out", output];
  const signed = await run("osslsigncode", ["sign", "-h", "sha256", ...args, "-ts", tsa.url, ...files]);
  expect(signed.isDone, signed.text).toBe(true);
  const { problems, signatures } = await verifyPe({ file: output, trusted });
  expect(problems).toEqual([]);
  expect(signatures).toMatchObject([{ signer: "Erth Test Publisher", timestampAuthority: "Erth Test Time Authority" }]);
});

withTool.for(["sha1", "sha256"])(
  "its page hashes are checked: they name the page of a changed byte (%s)",
  async (digest) => {
    const { input, output, folder } = await workplace(
      smallPe({ code: Buffer.alloc(9001, 0x90), overlay: Buffer.of(1) }),
    );
    await writeFile(join(folder, "chain.pem"), authority.leaf.chainPem);
    await writeFile(join(folder, "key.pem"), authority.leaf.keyPem);
    const files = ["-certs", join(folder, "chain.pem"), "-key", join(folder, "key.pem"), "-in", input, "-out", output];
    expect(await run("osslsigncode", ["sign", "-h", digest, "-ph", ...files])).toMatchObject({ isDone: true });
    const codesOf = async (): Promise<readonly string[]> =>
      (await verifyPe({ file: output, trusted })).problems.map(({ code }) => code);
    expect(await codesOf()).toEqual(["TIMESTAMP_MISSING"]);
    const file = await readFile(output);
    // The third page of `.text`, which begins at 1024.
    file[1024 + 8200] = 0;
    await writeFile(output, file);
    const { problems } = await verifyPe({ file: output, trusted });
    const pages = problems.filter(({ code }) => code === "AUTHENTICODE_PAGE_HASH");
    expect(pages.map(({ message }) => message)).toEqual(["Signature 0: 1 pages differ from their hashes, at 0x2400."]);
  },
);

withTool("a signature that osslsigncode nests in ours passes our verify, and one that we nest in its own", async () => {
  const tsa = await timestamps();
  const { sign, output, folder } = await workplace();
  await sign({ timestampUrl: tsa.url });
  await writeFile(join(folder, "chain.pem"), authority.leaf.chainPem);
  await writeFile(join(folder, "key.pem"), authority.leaf.keyPem);
  const nested = join(folder, "nested.exe");
  const files = ["-certs", join(folder, "chain.pem"), "-key", join(folder, "key.pem"), "-in", output, "-out", nested];
  expect(await run("osslsigncode", ["sign", "-nest", "-h", "sha384", "-ts", tsa.url, ...files])).toMatchObject({
    isDone: true,
  });
  const third = join(folder, "third.exe");
  await sign({ input: nested, output: third, append: true, timestampUrl: tsa.url });
  const { problems, signatures } = await verifyPe({ file: third, trusted });
  expect(problems).toEqual([]);
  expect(signatures.map(({ index, digestName }) => `${index} ${digestName}`)).toEqual([
    "0 sha256",
    "0.0 sha384",
    "0.1 sha256",
  ]);
});

withTool("osslsigncode takes our signature off and leaves the program as it was, but for the checksum", async () => {
  const { sign, input, output, folder } = await workplace();
  await sign();
  const bare = join(folder, "bare.exe");
  expect(await run("osslsigncode", ["remove-signature", "-in", output, "-out", bare])).toMatchObject({ isDone: true });
  const [before, after] = [await readFile(input), await readFile(bare)];
  after.writeUInt32LE(0, entryOffset() - 80); // CheckSum
  expect(after.equals(before)).toBe(true);
});
