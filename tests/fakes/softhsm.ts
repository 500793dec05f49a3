/** A PKCS #11 token in software: SoftHSM2 with keys and certificates of the test's choice. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const MODULES = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib64/pkcs11/libsofthsm2.so",
  "/usr/local/lib/softhsm/libsofthsm2.so",
];

/** SoftHSM2's library, or undefined where it is not installed. */
export const softHsmModule: string | undefined = MODULES.find((path) => existsSync(path));

interface TokenObject {
  readonly label: string;
  /** Hex. */
  readonly id: string;
  /** PKCS #8. */
  readonly keyPem: string;
  /** DER; left out for a token without certificates. */
  readonly certificates?: readonly Uint8Array[];
}

export const TOKEN_PIN = "847211";

/**
 * Makes the tokens in a folder and points this process at them. Needs
 * `softhsm2-util`, and `pkcs11-tool` where there are certificates.
 */
export async function makeTokens(
  folder: string,
  tokens: Readonly<Record<string, readonly TokenObject[]>>,
): Promise<void> {
  const place = join(folder, "tokens");
  await mkdir(place, { recursive: true });
  const config = join(folder, "softhsm2.conf");
  await writeFile(config, `directories.tokendir = ${place}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  process.env["SOFTHSM2_CONF"] = config;
  const module = softHsmModule ?? "";
  for (const [token, objects] of Object.entries(tokens)) {
    await run("softhsm2-util", [
      "--init-token",
      "--free",
      "--label",
      token,
      "--pin",
      TOKEN_PIN,
      "--so-pin",
      "12345678",
    ]);
    for (const { label, id, keyPem, certificates = [] } of objects) {
      const file = join(folder, `${token}-${id}.pem`);
      await writeFile(file, keyPem);
      await run("softhsm2-util", [
        "--import",
        file,
        "--token",
        token,
        "--label",
        label,
        "--id",
        id,
        "--pin",
        TOKEN_PIN,
      ]);
      for (const [index, der] of certificates.entries()) {
        const certificate = join(folder, `${token}-${id}-${index}.der`);
        await writeFile(certificate, der);
        // Issuers get ids of their own.
        const owner = index === 0 ? id : `${id}${index.toString(16).padStart(2, "0")}`;
        const object = ["--write-object", certificate, "--type", "cert", "--id", owner, "--label", `${label} ${index}`];
        await run("pkcs11-tool", [
          "--module",
          module,
          "--token-label",
          token,
          "--login",
          "--pin",
          TOKEN_PIN,
          ...object,
        ]);
      }
    }
  }
}
