/** What `jsign` signs, we verify; what we sign, it reads. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { verifyPe } from "../../../../signing/windows/verify-pe.ts";
import { authority, timestamps, workplace } from "../../../unit/signing/windows/signing.ts";
import { hasJsign, JSIGN, run } from "./tools.ts";

const jsign = (args: readonly string[]) => run("java", ["-jar", JSIGN, ...args]);

test.skipIf(!hasJsign)("jsign signs beside our signature, and both hold", async () => {
  const tsa = await timestamps();
  const { sign, output, folder } = await workplace();
  await sign({ timestampUrl: tsa.url });
  await writeFile(join(folder, "chain.pem"), authority.leaf.chainPem);
  await writeFile(join(folder, "key.pem"), authority.leaf.keyPem);
  const keys = ["--keyfile", join(folder, "key.pem"), "--certfile", join(folder, "chain.pem")];
  const signed = await jsign([...keys, "--name", "Notes", "--tsaurl", tsa.url, "--tsmode", "RFC3161", output]);
  expect(signed.isDone, signed.text).toBe(true);
  const { problems, signatures } = await verifyPe({ file: output, trusted: [authority.root.der] });
  expect(problems).toEqual([]);
  expect(signatures.map(({ index }) => index)).toEqual(["0", "0.0"]);
  expect(signatures[1]?.description).toBe("Notes");
});

test.skipIf(!hasJsign)("jsign extracts the signature that we embedded", async () => {
  const { sign, output } = await workplace();
  const { digest } = await sign();
  const extracted = await jsign(["extract", "--format", "DER", output]);
  expect(extracted.isDone, extracted.text).toBe(true);
  const signature = await readFile(`${output}.sig`);
  expect(signature.includes(Buffer.from(digest, "hex"))).toBe(true);
  expect((await readFile(output)).includes(signature)).toBe(true);
});
