import { spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { copyFile, cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { rangeOfBytes } from "../../../../../build/formats/byte-range.ts";
import { signDmg } from "../../../../../signing/apple/dmg.ts";
import { notarize, resume, submit } from "../../../../../signing/apple/notary/notarize.ts";
import { staple } from "../../../../../signing/apple/notary/staple.ts";
import { readSubmission } from "../../../../../signing/apple/notary/submission.ts";
import { blobContent, parseSuperBlob } from "../../../../../signing/apple/super-blob.ts";
import { readDiskImage } from "../../../../../signing/apple/udif.ts";
import { ISSUER, KEY_ID, type NotaryWorld, secretsOf, startNotaryWorld } from "../../../../fakes/notary-world.ts";
import { scratchFolder } from "../../../../support/scratch.ts";
import { smallApp, smallMachO } from "../../../../unit/signing/apple/notary/small-app.ts";
import { smallDmg } from "../../../../unit/signing/apple/notary/small-dmg.ts";
import type { ChildSettings } from "./submit-child.ts";

const TICKET = Buffer.concat([Buffer.from("s8ch"), randomBytes(2048)]);
const CHILD = new URL("submit-child.ts", import.meta.url).pathname;

async function world(): Promise<NotaryWorld> {
  const started = await startNotaryWorld();
  onTestFinished(() => started.fake.close());
  return started;
}

async function signedDmg(folder: string): Promise<string> {
  await writeFile(join(folder, "unsigned"), smallDmg(randomBytes(512 * 20)));
  await signDmg({ path: join(folder, "unsigned"), output: join(folder, "Notes.dmg"), identifier: "Notes" });
  return join(folder, "Notes.dmg");
}

test("killed while it waits: another process, elsewhere, waits on and staples", async () => {
  const at = await world();
  at.fake.notary.judge = () => "In Progress";
  const [first, second] = [await scratchFolder(), await scratchFolder()];
  const path = await signedDmg(first);
  const recordPath = join(first, "submission.json");
  const settings: ChildSettings = {
    path,
    recordPath,
    keyPem: at.keyPem,
    keyId: KEY_ID,
    issuer: ISSUER,
    urls: { notary: at.fake.notaryUrl, s3: at.fake.s3Url },
  };
  const child = spawn(process.execPath, [CHILD], { stdio: ["pipe", "pipe", "pipe"] });
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => void (printed += chunk.toString()));
  child.stdin.end(JSON.stringify(settings));
  const exited = once(child, "exit");
  while (!at.fake.seen.includes("GET status 200")) {
    if (child.exitCode !== null) throw new Error(`the child ended: ${printed}`);
    await delay(20);
  }
  child.kill("SIGKILL");
  await exited;
  expect(await readSubmission(recordPath)).toMatchObject({ isUploaded: true, fileName: "Notes.dmg" });

  // Only the record and the file move on.
  await copyFile(recordPath, join(second, "kept.json"));
  await copyFile(path, join(second, "Notes.dmg"));
  at.fake.notary.judge = (_, isWhole) => (isWhole ? "Accepted" : "Invalid");
  const record = await resume({ ...at.access, recordPath: join(second, "kept.json") });
  at.fake.cloudKit.tickets.set(record.ticketName ?? "", TICKET);
  const output = join(second, "stapled", "Notes.dmg");
  const stapled = await staple({
    path: join(second, "Notes.dmg"),
    output,
    around: at.around,
    ticketUrl: at.fake.ticketUrl,
    expectedTicketName: record.ticketName,
  });
  expect(stapled).toEqual({ ticketName: record.ticketName, ticketBytes: TICKET.length });
  const { signature } = await readDiskImage(rangeOfBytes(await readFile(output)));
  const slot = parseSuperBlob(signature ?? new Uint8Array()).find((blob) => blob.slot === 0x10002);
  expect(Buffer.from(blobContent(slot?.bytes ?? new Uint8Array())).equals(TICKET)).toBe(true);
  for (const secret of secretsOf(at)) expect(printed).not.toContain(secret);
});

test("an app: zipped for Apple, stapled in a copy; the zip of it is gone", async () => {
  const at = await world();
  const folder = await scratchFolder();
  const app = await smallApp(folder);
  const workFolder = join(folder, "work");
  await mkdir(workFolder);
  const record = await notarize({ ...at.access, path: app, recordPath: join(folder, "r.json"), workFolder });
  expect(record.fileName).toBe("Notes.zip");
  expect(await readdir(workFolder)).toEqual([]);
  at.fake.cloudKit.tickets.set(record.ticketName ?? "", TICKET);
  await staple({
    path: app,
    output: join(folder, "out", "Notes.app"),
    around: at.around,
    ticketUrl: at.fake.ticketUrl,
    expectedTicketName: record.ticketName,
  });
  expect((await readFile(join(folder, "out", "Notes.app", "Contents", "CodeResources"))).equals(TICKET)).toBe(true);
  expect(await readdir(join(app, "Contents"))).toEqual(["Info.plist", "MacOS"]);
});

test("the same app twice goes up as the same bytes", async () => {
  const at = await world();
  const [one, two] = [await scratchFolder(), await scratchFolder()];
  const app = await smallApp(one);
  await cp(app, join(two, "Notes.app"), { recursive: true });
  const first = await submit({ ...at.access, path: app, recordPath: join(one, "r.json") });
  const second = await submit({ ...at.access, path: join(two, "Notes.app"), recordPath: join(two, "r.json") });
  expect(second.sha256).toBe(first.sha256);
});

test("a ticket that is late, misread or behind a bad line is asked for again", async () => {
  const at = await world();
  const folder = await scratchFolder();
  const path = await signedDmg(folder);
  const { ticketName = "" } = await submit({ ...at.access, path, recordPath: join(folder, "r.json") });
  at.fake.cloudKit.tickets.set(ticketName, TICKET);
  at.fake.fail(
    "ticket",
    { kind: "cloudkit", what: "miss" },
    { kind: "cloudkit", what: "corrupt-base64" },
    { kind: "cloudkit", what: "other-record" },
    { kind: "status", status: 503 },
    { kind: "reset" },
    { kind: "cloudkit", what: "no-records" },
    { kind: "truncated" },
    { kind: "status", status: 404 },
  );
  const stapled = await staple({
    path,
    output: join(folder, "out.dmg"),
    around: at.around,
    ticketUrl: at.fake.ticketUrl,
  });
  expect(stapled.ticketName).toBe(ticketName);
  expect(at.lines.filter(({ text }) => text.includes("looking again"))).toHaveLength(4);
});

test.each([
  ["miss", "NOTARY_NO_TICKET"],
  ["wrong-magic", "NOTARY_TICKET_DAMAGED"],
  ["wrong-type", "NOTARY_TICKET_DAMAGED"],
] as const)("no ticket, no stapled file: %s", async (what, code) => {
  const at = await world();
  const folder = await scratchFolder();
  const path = await signedDmg(folder);
  const { ticketName = "" } = await submit({ ...at.access, path, recordPath: join(folder, "r.json") });
  at.fake.cloudKit.tickets.set(ticketName, TICKET);
  at.fake.fail("ticket", ...Array.from({ length: 6 }, () => ({ kind: "cloudkit", what }) as const));
  const before = await readdir(folder);
  await expect(
    staple({ path, output: join(folder, "out.dmg"), around: at.around, ticketUrl: at.fake.ticketUrl }),
  ).rejects.toMatchObject({ code });
  expect(await readdir(folder)).toEqual(before);
});

test("a file that was signed again after it was submitted is refused before any lookup", async () => {
  const at = await world();
  const folder = await scratchFolder();
  const app = await smallApp(folder);
  const record = await submit({ ...at.access, path: app, recordPath: join(folder, "r.json") });
  await writeFile(join(app, "Contents", "MacOS", "notes"), smallMachO(8));
  const asked = staple({
    path: app,
    output: join(folder, "out", "Notes.app"),
    around: at.around,
    ticketUrl: at.fake.ticketUrl,
    expectedTicketName: record.ticketName,
  });
  await expect(asked).rejects.toMatchObject({
    code: "NOTARY_OTHER_FILE",
    message: expect.stringContaining(record.ticketName ?? "?"),
  });
  expect(at.fake.seen.filter((line) => line.includes("ticket"))).toEqual([]);
});
