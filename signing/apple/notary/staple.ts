/**
 * Stapling: putting Apple's ticket where Gatekeeper finds it without a
 * network. A stapled file is a new artifact; the one it is made from stays.
 */
import { cp, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ErthError } from "../../../runtime/base/errors.ts";
import { withFileRange } from "../../../build/formats/byte-range.ts";
import { refuseSameFile, writeDerivedFile } from "../derived-file.ts";
import { writeDmg } from "../dmg.ts";
import { CMS_WRAPPER_MAGIC, encodeBlob, encodeSuperBlob, parseSuperBlob, SLOT } from "../super-blob.ts";
import { dmgDamaged, readDiskImage } from "../udif.ts";
import { partName } from "../whole-output.ts";
import { encodeXarTrailer, readXar } from "../../../build/formats/xar.ts";
import { kindOf, ticketNameOf } from "./artifact-kind.ts";
import { damaged, lookUpTicket, ticketFault } from "./ticket.ts";
import type { NotarySurroundings } from "./surroundings.ts";

export interface StapleRequest {
  readonly path: string;
  /** A new `.app`, `.dmg` or `.pkg`. */
  readonly output: string;
  readonly around: NotarySurroundings;
  /** Apple's, by default. */
  readonly ticketUrl?: string | undefined;
  /** The submission record's ticket name: another file than the one submitted is refused before any lookup. */
  readonly expectedTicketName?: string | undefined;
}

export interface Stapled {
  /** `2/2/<cdhash>`. */
  readonly ticketName: string;
  readonly ticketBytes: number;
}

/** Looks the ticket of this very file up and writes the stapled one. Throws `NOTARY_…`, `DMG_DAMAGED` and `XAR_DAMAGED`. */
export async function staple(request: StapleRequest): Promise<Stapled> {
  const { path, around, ticketUrl, expectedTicketName } = request;
  const ticketName = await ticketNameOf(path, await kindOf(path));
  if (ticketName === undefined) throw notStapled(path);
  if (expectedTicketName !== undefined && ticketName !== expectedTicketName)
    throw otherFile(path, ticketName, expectedTicketName);
  const ticket = await lookUpTicket({ recordName: ticketName, around, url: ticketUrl });
  await attachTicket(path, request.output, ticket);
  return { ticketName, ticketBytes: ticket.length };
}

/** Writes `output` from `path` with this ticket, in place of any older one. Throws `NOTARY_TICKET_DAMAGED` for bytes that are none. */
export async function attachTicket(path: string, output: string, ticket: Uint8Array): Promise<void> {
  const fault = ticketFault(ticket);
  if (fault !== undefined) throw damaged(`for ${basename(path)}`, fault);
  const kind = await kindOf(path);
  if (kind === "zip") throw notStapled(path);
  if (kind === "app") await stapleApp(path, output, ticket);
  else if (kind === "dmg") await stapleDmg(path, output, ticket);
  else await staplePkg(path, output, ticket);
}

/**
 * An app's ticket lives at `Contents/CodeResources`, beside and unrelated to
 * `Contents/_CodeSignature/CodeResources`, the sealed resource list.
 */
async function stapleApp(path: string, output: string, ticket: Uint8Array): Promise<void> {
  await refuseSameFile(output, path);
  await mkdir(dirname(output), { recursive: true });
  const temporary = partName(output);
  const aside = `${temporary}.old`;
  try {
    await cp(path, temporary, {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
      mode: COPY_ON_WRITE,
    });
    const place = join(temporary, "Contents", "CodeResources");
    // Old bundles have a link to the sealed list here: writing through it would break the signature.
    await rm(place, { force: true });
    const handle = await open(place, "wx", 0o644);
    try {
      await handle.writeFile(ticket);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (await exists(output)) await rename(output, aside);
    await rename(temporary, output);
    await rm(aside, { recursive: true, force: true });
  } catch (error) {
    if ((await exists(aside)) && !(await exists(output))) await rename(aside, output);
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** `COPYFILE_FICLONE`: shares the blocks where the file system can. */
const COPY_ON_WRITE = 2;

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

async function stapleDmg(path: string, output: string, ticket: Uint8Array): Promise<void> {
  const { dataBytes, koly, signature } = await withFileRange(path, readDiskImage);
  if (signature === undefined) throw dmgDamaged("it has no signature to staple a ticket to");
  const kept = parseSuperBlob(signature).filter(({ slot }) => slot !== SLOT.ticket);
  // Every slot that is no blob by itself is wrapped in one, as the CMS message is.
  const wrapped = encodeBlob(CMS_WRAPPER_MAGIC, ticket);
  const stapled = encodeSuperBlob([...kept, { slot: SLOT.ticket, bytes: wrapped }]);
  await writeDmg(path, output, dataBytes, koly, stapled);
}

async function staplePkg(path: string, output: string, ticket: Uint8Array): Promise<void> {
  const { endOffset } = await withFileRange(path, readXar);
  await writeDerivedFile(output, path, async (file) => {
    await file.appendSource(0, endOffset);
    await file.append(encodeXarTrailer(ticket));
  });
}

function notStapled(path: string): ErthError {
  return new ErthError({
    code: "NOTARY_CANNOT_STAPLE",
    message: `${basename(path)} is a zip: a ticket cannot be stapled to it, only to the app inside.`,
    remedy: "staple the .app, then zip it again: erth staple && erth package",
  });
}

function otherFile(path: string, found: string, expected: string): ErthError {
  return new ErthError({
    code: "NOTARY_OTHER_FILE",
    message: `${basename(path)} is not what was submitted: its ticket would be ${found}, the submission's is ${expected}.`,
    remedy: "staple the file that was submitted, or submit this one: erth notarize",
  });
}
