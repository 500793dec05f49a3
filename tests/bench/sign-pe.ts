/**
 * Signing and verifying a big Windows program, beside `osslsigncode`, in one
 * run: each in a process of its own, medians of five, with the highest
 * resident memory as GNU `time` tells it. The timestamp authority is a local one.
 * Usage: node tests/bench/sign-pe.ts [FILE.exe]; without a file Node's program.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { renderTable } from "../../build/cli/report/table.ts";
import { formatSize } from "../../build/config/size.ts";
import { signPe } from "../../signing/windows/sign-pe.ts";
import { verifyPe } from "../../signing/windows/verify-pe.ts";
import { vendorFile } from "../integration/signing/windows/vendor-files.ts";
import { windowsAuthority } from "../fakes/certificate-authority.ts";
import { startTimestampAuthority } from "../fakes/timestamp-authority.ts";

const ROUNDS = 5;
const authority = windowsAuthority();
const start = promisify(execFile);
const script = fileURLToPath(import.meta.url);

interface Row {
  readonly what: string;
  readonly seconds: number;
  /** Without the start of the process; undefined where it cannot be told. */
  readonly insideSeconds: number | undefined;
  readonly peakBytes: number;
}

/** What a child does: one signature or one verification, and how long it took. */
async function work(job: string, input: string, output: string, timestampUrl: string): Promise<void> {
  const started = performance.now();
  if (job === "sign") await signPe({ input, output, signer: authority.leaf.signer, timestampUrl, fetch });
  else {
    const { problems } = await verifyPe({ file: input, trusted: [authority.root.der] });
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
  }
  process.stdout.write(`inside ${(performance.now() - started) / 1000}\n`);
}

async function measured(what: string, command: readonly string[]): Promise<Row> {
  const runs: { readonly seconds: number; readonly inside: number | undefined; readonly peakBytes: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { stdout, stderr } = await start("/usr/bin/time", ["-f", "took %e %M", ...command], { maxBuffer: 1 << 24 });
    const [, seconds, kibibytes] = /took ([\d.]+) (\d+)/.exec(stderr) ?? [];
    const inside = /inside ([\d.]+)/.exec(stdout)?.[1];
    runs.push({
      seconds: Number(seconds),
      inside: inside === undefined ? undefined : Number(inside),
      peakBytes: Number(kibibytes) * 1024,
    });
  }
  const middle = runs.sort((a, b) => a.seconds - b.seconds)[Math.floor(ROUNDS / 2)];
  if (!middle) throw new Error("nothing was measured");
  const peakBytes = Math.max(...runs.map((one) => one.peakBytes));
  return { what, seconds: middle.seconds, insideSeconds: middle.inside, peakBytes };
}

async function compare(input: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "erth-bench-"));
  const tsa = await startTimestampAuthority();
  try {
    const at = (name: string): string => join(folder, name);
    await writeFile(at("chain.pem"), authority.leaf.chainPem);
    await writeFile(at("key.pem"), authority.leaf.keyPem);
    await writeFile(at("root.pem"), authority.root.certificatePem);
    await writeFile(at("time-root.pem"), tsa.identity.chainPem);
    const child = (job: string, from: string, to: string) => [
      process.execPath,
      script,
      "--child",
      job,
      from,
      to,
      tsa.url,
    ];
    const keys = ["-certs", at("chain.pem"), "-key", at("key.pem")];
    const roots = ["-CAfile", at("root.pem"), "-TSA-CAfile", at("time-root.pem")];
    // `osslsigncode` will not write over a file.
    const theirs = ["sh", "-c", `rm -f "$0" && exec osslsigncode sign -h sha256 "$@" -out "$0"`, at("theirs.exe")];
    const rows = [
      await measured("erth sign", child("sign", input, at("ours.exe"))),
      await measured("osslsigncode sign", [...theirs, ...keys, "-ts", tsa.url, "-in", input]),
      await measured("erth verify", child("verify", at("ours.exe"), "-")),
      await measured("osslsigncode verify", ["osslsigncode", "verify", ...roots, at("ours.exe")]),
    ];
    const cells = rows.map(({ what, seconds, insideSeconds, peakBytes }) => [
      what,
      `${seconds.toFixed(2)} s`,
      insideSeconds === undefined ? "" : `${insideSeconds.toFixed(2)} s`,
      formatSize(peakBytes),
    ]);
    process.stdout.write(`${renderTable(["", "process", "without its start", "peak memory"], cells)}\n`);
  } finally {
    await tsa.close();
    await rm(folder, { recursive: true });
  }
}

const [first = "", job = "", input = "", output = "", timestampUrl = ""] = process.argv.slice(2);
if (first === "--child") await work(job, input, output, timestampUrl);
else await compare(first === "" ? await vendorFile("node/win32-x64", "bin/node.exe") : resolve(first));
