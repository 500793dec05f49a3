/**
 * Unpacks XZ streams (The .xz File Format 1.2.1) in memory, by the XZ
 * project's own liblzma compiled to WebAssembly: no native addon, no program
 * to start. The bytes are untrusted: output and memory are bounded. It keeps
 * its thread busy, about a second for 40 MB.
 */
import {
  code,
  copyToWasm,
  decoderInit,
  end,
  initModule,
  LZMA_FINISH,
  LZMA_OK,
  LZMA_STREAM_END,
  WasmLzmaStream,
} from "node-liblzma/wasm";

/** Of any level's decoder: the dictionary of 64 MiB and a little. */
const DECODER_MEMORY_BYTES = 80 << 20;

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
