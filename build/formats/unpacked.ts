/** zlib's streams as async generators: what fails inside becomes the caller's own error, and nothing is left open. */
import { Readable, type Transform } from "node:stream";
import { type ErthError, messageOf, systemCode } from "../../runtime/base/errors.ts";

/** What `transform` makes of `source`. A failure of the source passes as it is, also one of the disk; zlib's becomes `fail`'s. */
export async function* unpacked(
  source: AsyncIterable<Uint8Array>,
  transform: Transform,
  fail: (what: string, cause: unknown) => ErthError,
): AsyncGenerator<Uint8Array> {
  const input = Readable.from(source);
  // `pipe` forwards no failures.
  input.on("error", (error) => transform.destroy(error));
  input.pipe(transform);
  try {
    yield* transform as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (!systemCode(cause)?.startsWith("Z_")) throw cause;
    throw fail(`cannot be unpacked (${messageOf(cause)})`, cause);
  } finally {
    input.destroy();
    transform.destroy();
  }
}
