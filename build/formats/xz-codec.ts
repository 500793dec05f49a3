/**
 * XZ streams (The .xz File Format 1.2.1) of one LZMA2 block, by the XZ
 * project's own liblzma compiled to WebAssembly: the same bytes on every host,
 * no native addon, no program to start. A call keeps its thread busy for as
 * long as it takes (about a second for a megabyte), so callers that have more
 * than a little give it a thread of its own.
 */
import {
  code,
  copyToWasm,
  decoderInit,
  encoderInit,
  end,
  initModule,
  LZMA_CHECK_CRC32,
  LZMA_FINISH,
  LZMA_OK,
  LZMA_STREAM_END,
  processStream,
  WasmLzmaStream,
  wasmVersionString,
} from "node-liblzma/wasm";

/**
 * The level of Apple's own encoder, with a dictionary of 8 MiB; Apple's decoder
 * is documented to take every level, and nothing beyond the levels.
 */
const PRESET = 6;
/** Of any level's decoder: the dictionary of 64 MiB and a little. */
const DECODER_MEMORY_BYTES = 80 << 20;

/** What shapes the bytes besides the input: `liblzma 5.8.1, preset 6`. */
export async function xzVersion(): Promise<string> {
  await initModule();
  return `liblzma ${wasmVersionString()}, preset ${PRESET}`;
}

/** Compresses into a stream with CRC-32, the form that Apple's own archives carry. Takes 95 MB besides its input. */
export async function encodeXz(bytes: Uint8Array): Promise<Uint8Array> {
  const module = await initModule();
  const stream = new WasmLzmaStream(module);
  encoderInit(stream, PRESET, LZMA_CHECK_CRC32);
  // It frees the stream as well.
  return processStream(stream, bytes);
}

/** The `rawBytes` bytes that a stream holds; undefined where it is damaged, or holds more or fewer. */
export async function decodeXz(bytes: Uint8Array, rawBytes: number): Promise<Uint8Array | undefined> {
  const module = await initModule();
  const stream = new WasmLzmaStream(module);
  const input = copyToWasm(module, bytes);
  // One byte more than there may be, so that too long an output shows.
  const output = module._malloc(rawBytes + 1);
  try {
    if (output === 0) throw new Error(`no memory for ${rawBytes} bytes`);
    decoderInit(stream, DECODER_MEMORY_BYTES);
    stream.setInput(input, bytes.length);
    stream.setOutput(output, rawBytes + 1);
    let result: number;
    do result = code(stream, LZMA_FINISH);
    while (result === LZMA_OK && stream.availOut > 0);
    if (result !== LZMA_STREAM_END || stream.availIn > 0 || stream.availOut !== 1) return undefined;
    return module.HEAPU8.slice(output, output + rawBytes);
  } finally {
    end(stream);
    stream.free();
    module._free(input);
    module._free(output);
  }
}
