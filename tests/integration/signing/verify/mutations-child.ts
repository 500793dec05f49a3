/**
 * Verifies mutated files in a process of its own, whose memory can be told:
 * mutations-child.ts ROUNDS SEED. Prints a line of JSON at the end, and names
 * the mutation on anything that is no list of problems.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allProblems, explainFile, verifyFile } from "../../../../signing/verify.ts";
import { SIGNED_FILES, type SignedKind, writeSignedFiles } from "../../../support/signed-files.ts";

/** Shares of the rounds. Apps, and the zip that holds one, take a hundred times longer than the rest. */
const SHARES: Readonly<Record<SignedKind, number>> = {
  "mach-o": 8,
  universal: 5,
  app: 0.4,
  dmg: 10,
  pkg: 10,
  zip: 0.6,
  pe: 11,
  msi: 11,
  deb: 11,
  rpm: 13,
  appimage: 12,
  elf: 7,
  msix: 0.6,
  file: 0.4,
};
const SPECIAL = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const EXPLAIN_EVERY = 10;

const parent = process.ppid;
const [rounds = "10000", seedText = "1"] = process.argv.slice(2);
let state = Number(seedText);

/** Mulberry32: the same seed, the same mutations. */
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(1, below);
}

/** One to four changes of any kind, anywhere. */
function mutated(original: Buffer): Buffer {
  let bytes = Buffer.from(original);
  for (let changes = 1 + random(4); changes > 0; changes -= 1) {
    const at = random(bytes.length);
    const length = 1 + random(64);
    const value = SPECIAL[random(SPECIAL.length)] ?? 0;
    const kind = random(9);
    if (kind <= 2) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    else if (kind === 3 && at + 4 <= bytes.length) bytes.writeUInt32LE(value, at);
    else if (kind === 4 && at + 4 <= bytes.length) bytes.writeUInt32BE(value, at);
    else if (kind === 5) bytes = bytes.subarray(0, at);
    else if (kind === 6)
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(length, value & 0xff), bytes.subarray(at)]);
    else if (kind === 7) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    else
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        bytes.subarray(random(bytes.length)).subarray(0, 4 * length),
        bytes.subarray(at),
      ]);
  }
  return bytes;
}

const folder = mkdtempSync(join(tmpdir(), "erth-mutations-"));
try {
  const trust = await writeSignedFiles(folder);
  const settings = { trust, now: new Date("2026-06-02T00:00:00Z") };
  const appFiles = readdirSync(join(folder, SIGNED_FILES.app), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const shares = Object.values(SHARES).reduce((sum, share) => sum + share, 0);
  const counts = { verified: 0, reported: 0, slowestMs: 0, slowest: "" };
  for (const kind of Object.keys(SHARES) as readonly SignedKind[]) {
    const path = join(folder, SIGNED_FILES[kind]);
    const whole = kind === "app" ? undefined : readFileSync(path);
    for (let round = Math.round((Number(rounds) * SHARES[kind]) / shares); round > 0; round -= 1) {
      if (process.ppid !== parent) throw new Error("nobody waits for the answer any more");
      const target = kind === "app" ? (appFiles[random(appFiles.length)] ?? "") : path;
      const original = whole ?? readFileSync(target);
      const before = state;
      writeFileSync(target, mutated(original));
      const started = performance.now();
      try {
        const found = await verifyFile(path, settings);
        counts.verified += 1;
        if (allProblems(found).length > 0) counts.reported += 1;
        if (round % EXPLAIN_EVERY === 0) await explainFile(path, settings);
      } catch (cause) {
        throw new Error(`${kind}, state ${before}: no list of problems`, { cause });
      }
      const ms = performance.now() - started;
      if (ms > counts.slowestMs) Object.assign(counts, { slowestMs: ms, slowest: `${kind} ${before}` });
      writeFileSync(target, original);
    }
  }
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ ...counts, peakBytes })}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
