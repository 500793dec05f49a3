/**
 * The key stream that encrypts a minisign secret key: libsodium's
 * `crypto_pwhash_scryptsalsa208sha256`, which turns limits for operations and
 * memory into scrypt's N and p.
 */
import { scrypt } from "node:crypto";
import type { Secret } from "../../runtime/base/secret.ts";
import { minisignDamaged } from "./minisign-text.ts";

export interface ScryptLimits {
  readonly operations: bigint;
  readonly memoryBytes: bigint;
}

/** libsodium's SENSITIVE limits, minisign's own choice: 1 GiB and some seconds. */
export const SENSITIVE_LIMITS: ScryptLimits = { operations: 33_554_432n, memoryBytes: 1_073_741_824n };

const BLOCK = 8;
/** Beyond this a key would only stop the machine. */
const MAX_MEMORY_BYTES = 2 ** 30;
const MAX_PARALLEL = 16;

/** N and p for the limits, as `pickparams` of libsodium chooses them. */
export function scryptParameters({ operations, memoryBytes }: ScryptLimits): {
  readonly cost: number;
  readonly parallelization: number;
} {
  const least = operations < 32_768n ? 32_768n : operations;
  const r = BigInt(BLOCK);
  const isBoundByOperations = least < memoryBytes / 32n;
  const maxCost = isBoundByOperations ? least / (r * 4n) : memoryBytes / (r * 128n);
  let log = 1n;
  while (log < 63n && 1n << log <= maxCost / 2n) log += 1n;
  const ratio = least / 4n / (1n << log);
  const product = ratio > 0x3fffffffn ? 0x3fffffffn : ratio;
  const parallelization = isBoundByOperations ? 1n : product / r;
  return { cost: Number(1n << log), parallelization: Number(parallelization) };
}

/** `bytes` of key stream; limits that no real key has are `MINISIGN_DAMAGED`. */
export async function scryptStream(
  password: Secret,
  salt: Uint8Array,
  limits: ScryptLimits,
  bytes: number,
): Promise<Uint8Array> {
  const { cost, parallelization } = scryptParameters(limits);
  const memory = 128 * BLOCK * cost;
  if (memory > MAX_MEMORY_BYTES || parallelization < 1 || parallelization > MAX_PARALLEL) {
    throw minisignDamaged(
      "minisign secret key",
      `its password needs ${Math.round(memory / 2 ** 20)} MiB times ${parallelization}`,
    );
  }
  return new Promise((resolve, reject) => {
    const options = {
      cost,
      blockSize: BLOCK,
      parallelization,
      maxmem: memory + 128 * BLOCK * parallelization + 2 ** 20,
    };
    scrypt(password.reveal(), salt, bytes, options, (error, key) =>
      error === null ? resolve(Uint8Array.from(key)) : reject(error),
    );
  });
}
