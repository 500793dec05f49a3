/** A small Mach-O file with symbols of every kind, made and read back for the tests of the strip. */
import type { MachOStripPlan } from "../../../build/formats/mach-o-strip.ts";

const TEXT_BYTES = 0x4000;

/** Name, `n_type`: a debugging entry, a local, a private extern, then the group of exports and the imports. */
const SYMBOLS: readonly (readonly [string, number])[] = [
  ["main.c", 0x64],
  ["_local", 0x0e],
  ["_hidden", 0x1e],
  ["_stubbed", 0x0e],
  ["_exported", 0x0f],
  ["_other", 0x0f],
  ["_printf", 0x01],
];

export interface SymbolicOptions {
  readonly indirect?: readonly number[];
  readonly functionStartsLast?: boolean;
}

export function symbolicMachO(options: SymbolicOptions = {}): Buffer {
  const indirect = options.indirect ?? [3, 6, 0x80000000];
  const names = Buffer.from(` \0${SYMBOLS.map(([name]) => `${name}\0`).join("")}`, "latin1");
  const functionStarts = Buffer.from([0x10, 0x20, 0, 0, 0, 0, 0, 0]);
  const symbols = Buffer.alloc(SYMBOLS.length * 16);
  let name = 2;
  for (const [index, [text, type]] of SYMBOLS.entries()) {
    symbols.writeUInt32LE(name, index * 16);
    symbols[index * 16 + 4] = type;
    symbols.writeBigUInt64LE(BigInt(0x1000 + index), index * 16 + 8);
    name += text.length + 1;
  }
  const indirectBytes = Buffer.alloc(indirect.length * 4);
  for (const [index, value] of indirect.entries()) indirectBytes.writeUInt32LE(value, index * 4);
  const signature = Buffer.alloc(32, 0xcd);

  const first = options.functionStartsLast ? 0 : functionStarts.length;
  const symbolsAt = TEXT_BYTES + first;
  const indirectAt = symbolsAt + symbols.length;
  const namesAt = indirectAt + indirectBytes.length;
  const startsAt = options.functionStartsLast ? namesAt + names.length : TEXT_BYTES;
  const signatureAt = namesAt + names.length + (options.functionStartsLast ? functionStarts.length : 0);
  const end = signatureAt + signature.length;

  const commands = [
    segment("__TEXT", 0, TEXT_BYTES),
    segment("__LINKEDIT", TEXT_BYTES, end - TEXT_BYTES),
    words(0x02, 24, symbolsAt, SYMBOLS.length, namesAt, names.length),
    words(0x0b, 80, 0, 4, 4, 2, 6, 1, 0, 0, 0, 0, 0, 0, indirectAt, indirect.length, 0, 0, 0, 0),
    words(0x26, 16, startsAt, functionStarts.length),
    words(0x1d, 16, signatureAt, signature.length),
  ];
  const commandBytes = Buffer.concat(commands);
  const header = words(0xfeedfacf, 0x0100000c, 0, 2, commands.length, commandBytes.length, 0x85, 0);
  const text = Buffer.alloc(TEXT_BYTES, 0x5a);
  Buffer.concat([header, commandBytes]).copy(text);
  const tables = [symbols, indirectBytes, names];
  return Buffer.concat([
    text,
    ...(options.functionStartsLast ? [...tables, functionStarts] : [functionStarts, ...tables]),
    signature,
  ]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes;
}

function segment(name: string, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(72);
  bytes.writeUInt32LE(0x19, 0);
  bytes.writeUInt32LE(72, 4);
  bytes.write(name, 8, "latin1");
  for (const [at, value] of [
    [24, offset],
    [32, size],
    [40, offset],
    [48, size],
  ] as const) {
    bytes.writeBigUInt64LE(BigInt(value), at);
  }
  return bytes;
}

/** What applying the plan gives. */
export function stripped(file: Uint8Array, { header, keepBytes, tail }: MachOStripPlan): Buffer {
  return Buffer.concat([header, file.subarray(header.length, keepBytes), tail]);
}

export interface FoundSymbols {
  readonly names: readonly string[];
  readonly groups?: Readonly<Record<"local" | "exported" | "undefined", readonly [number, number]>>;
  readonly indirect?: readonly number[];
  readonly hasSignature?: boolean;
  readonly linkEditEnd?: number;
}

/** Reads a file of this shape, by the offsets of its own load commands. */
export function symbolsOf(file: Buffer): Required<FoundSymbols> {
  const commands = new Map<number, number>();
  let at = 32;
  let linkEditEnd = 0;
  for (let number = 0; number < file.readUInt32LE(16); number += 1) {
    const kind = file.readUInt32LE(at);
    commands.set(kind, at);
    if (kind === 0x19) linkEditEnd = Number(file.readBigUInt64LE(at + 40) + file.readBigUInt64LE(at + 48));
    at += file.readUInt32LE(at + 4);
  }
  const [table = 0, dynamic = 0] = [commands.get(0x02), commands.get(0x0b)];
  const [symbolsAt, count, namesAt] = [8, 12, 16].map((field) => file.readUInt32LE(table + field));
  const names = Array.from({ length: count! }, (_, index) => {
    const from = namesAt! + file.readUInt32LE(symbolsAt! + index * 16);
    return file.toString("latin1", from, file.indexOf(0, from));
  });
  const pair = (field: number): [number, number] => [
    file.readUInt32LE(dynamic + field),
    file.readUInt32LE(dynamic + field + 4),
  ];
  const [indirectAt, indirectCount] = pair(56);
  return {
    names,
    groups: { local: pair(8), exported: pair(16), undefined: pair(24) },
    indirect: Array.from({ length: indirectCount }, (_, index) => file.readUInt32LE(indirectAt + index * 4)),
    hasSignature: commands.has(0x1d),
    linkEditEnd,
  };
}
