/** Small Debian and RPM packages, AppImages and ELF files, signed where a key is given; nothing of our own writers is in them. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { armorSignature, signOpenPgp } from "../../signing/linux/openpgp.ts";
import type { OpenPgpKey } from "../../signing/linux/openpgp-key.ts";

const AT = new Date("2026-06-01T12:00:00Z");

async function signed(key: OpenPgpKey, ...content: readonly Uint8Array[]): Promise<Uint8Array> {
  return await signOpenPgp(
    (async function* () {
      yield* await Promise.resolve(content);
    })(),
    key,
    AT,
  );
}

function tar(files: Readonly<Record<string, string | Uint8Array>>): Buffer {
  const blocks = Object.entries(files).flatMap(([name, content]) => {
    const bytes = Buffer.from(content);
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write("0000644\0" + "0000000\0".repeat(2), 100);
    header.write(`${bytes.length.toString(8).padStart(11, "0")}\0${"0".repeat(11)}\0`, 124);
    header.write(" ".repeat(8), 148);
    header.write("0", 156);
    header.write("ustar\u000000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export interface SmallDeb {
  readonly key?: OpenPgpKey;
  /** Besides the one program. */
  readonly files?: Readonly<Record<string, string>>;
  readonly md5sums?: string;
  /** After data.tar.gz. */
  readonly members?: Readonly<Record<string, Uint8Array>>;
}

export async function smallDeb({ key, files = {}, md5sums, members = {} }: SmallDeb = {}): Promise<Buffer> {
  const program = "#!/bin/sh\necho notes\n";
  const md5 = createHash("md5").update(program).digest("hex");
  const control = gzipSync(
    tar({
      "./control": "Package: notes\nVersion: 1.4.0\nArchitecture: amd64\n",
      "./md5sums": md5sums ?? `${md5}  usr/bin/notes\n`,
    }),
  );
  const data = gzipSync(tar({ "./usr/bin/notes": program, ...files }));
  const version = Buffer.from("2.0\n");
  const all: Record<string, Uint8Array> = {
    "debian-binary": version,
    "control.tar.gz": control,
    "data.tar.gz": data,
    ...members,
  };
  if (key) all["_gpgorigin"] = await signed(key, version, control, data);
  return ar(all);
}

export function ar(members: Readonly<Record<string, Uint8Array>>): Buffer {
  const pieces = Object.entries(members).flatMap(([name, content]) => [
    Buffer.from(`${name.padEnd(16)}${"0".padEnd(12)}0     0     100644  ${String(content.length).padEnd(10)}\`\n`),
    Buffer.from(content),
    Buffer.from(content.length % 2 === 1 ? "\n" : ""),
  ]);
  return Buffer.concat([Buffer.from("!<arch>\n"), ...pieces]);
}

type RpmValue = string | number | Uint8Array | readonly string[];

/** A header with its region's magic; texts, 32-bit numbers, bytes and lists of texts. */
function rpmHeader(tags: Readonly<Record<number, RpmValue>>): Buffer {
  const index: Buffer[] = [];
  let store = Buffer.alloc(0);
  for (const [tag, value] of Object.entries(tags)) {
    const isNumber = typeof value === "number";
    const isList = Array.isArray(value);
    const type = isNumber ? 4 : typeof value === "string" ? 6 : isList ? 8 : 7;
    let bytes: Buffer;
    if (isNumber) {
      store = Buffer.concat([store, Buffer.alloc((4 - (store.length % 4)) % 4)]);
      bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
    } else if (typeof value === "string") bytes = Buffer.from(`${value}\0`);
    else bytes = isList ? Buffer.from(value.map((text) => `${text}\0`).join("")) : Buffer.from(value as Uint8Array);
    const entry = Buffer.alloc(16);
    const count = isNumber || typeof value === "string" ? 1 : value.length;
    [Number(tag), type, store.length, count].forEach((word, at) => entry.writeUInt32BE(word, at * 4));
    index.push(entry);
    store = Buffer.concat([store, bytes]);
  }
  const intro = Buffer.from("8eade80100000000".padEnd(32, "0"), "hex");
  intro.writeUInt32BE(index.length, 8);
  intro.writeUInt32BE(store.length, 12);
  return Buffer.concat([intro, ...index, store]);
}

export interface SmallRpm {
  readonly key?: OpenPgpKey;
  /** Instead of what is right, in the signature header. */
  readonly signatureTags?: Readonly<Record<number, RpmValue>>;
}

export async function smallRpm({ key, signatureTags = {} }: SmallRpm = {}): Promise<Buffer> {
  const payload = gzipSync(Buffer.alloc(3000, "cpio "));
  const digest = (algorithm: string, ...parts: readonly Uint8Array[]): Buffer =>
    createHash(algorithm).update(Buffer.concat(parts)).digest();
  const main = rpmHeader({
    1000: "notes",
    1001: "1.4.0",
    1002: "1",
    1022: "x86_64",
    1125: "gzip",
    5092: [digest("sha256", payload).toString("hex")],
    5093: 8,
  });
  const signature = rpmHeader({
    269: digest("sha1", main).toString("hex"),
    273: digest("sha256", main).toString("hex"),
    1000: main.length + payload.length,
    1004: digest("md5", main, payload),
    ...(key ? { 268: await signed(key, main) } : {}),
    ...signatureTags,
  });
  const lead = Buffer.alloc(96);
  lead.writeUInt32BE(0xedabeedb);
  lead.writeUInt8(3, 4);
  const padding = Buffer.alloc((8 - (signature.length % 8)) % 8);
  return Buffer.concat([lead, signature, padding, main, payload]);
}

/** A 64-bit ELF file for x64 with these sections after its header, and something behind it. */
export function smallElf(
  sections: Readonly<Record<string, Uint8Array>> = {},
  behind: Uint8Array = Buffer.alloc(0),
): Buffer {
  const all: Record<string, Uint8Array> = { ".text": Buffer.alloc(64, 0x90), ...sections };
  const names = `\0${Object.keys(all).join("\0")}\0.shstrtab\0`;
  const bodies = [...Object.values(all), Buffer.from(names)];
  const headers: Buffer[] = [Buffer.alloc(64)];
  let offset = 64;
  for (const [index, body] of bodies.entries()) {
    const header = Buffer.alloc(64);
    const name = Object.keys(all)[index] ?? ".shstrtab";
    header.writeUInt32LE(names.indexOf(`\0${name}\0`) + 1, 0);
    header.writeUInt32LE(name === ".shstrtab" ? 3 : 1, 4);
    header.writeBigUInt64LE(BigInt(offset), 24);
    header.writeBigUInt64LE(BigInt(body.length), 32);
    headers.push(header);
    offset += body.length;
  }
  const head = Buffer.alloc(64);
  head.write("\u007fELF\u0002\u0001\u0001", 0, "latin1");
  head.writeUInt16LE(3, 16);
  head.writeUInt16LE(62, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(offset), 40);
  [64, 56, 0, 64, headers.length, headers.length - 1].forEach((value, at) => head.writeUInt16LE(value, 52 + at * 2));
  return Buffer.concat([head, ...bodies, ...headers, behind]);
}

const SIGNATURE_SECTION_BYTES = 1024;

/** An AppImage whose file system is a few bytes. */
export async function smallAppImage(key?: OpenPgpKey): Promise<Buffer> {
  const sections = {
    ".sha256_sig": Buffer.alloc(SIGNATURE_SECTION_BYTES),
    ".sig_key": Buffer.alloc(8192),
    ".upd_info": Buffer.from("zsync|https://erth.dev/notes.zsync\0"),
  };
  const file = smallElf(sections, Buffer.from("hsqs, and the files"));
  file.write("AI\u0002", 8, "latin1");
  if (key === undefined) return file;
  const digest = createHash("sha256").update(file).digest("hex");
  const signature = armorSignature(await signed(key, Buffer.from(digest)));
  const start = 64 + 64;
  file.write(signature, start);
  file.write(key.armoredPublicKey, start + SIGNATURE_SECTION_BYTES);
  return file;
}
