/** What can be told of a notarization ticket without Apple: its size, and whether it names this code. */

/** Its signature only Apple's systems can check; the hashes of the code that it is for stand in it as they are. */
export function ticketFacts(
  ticket: Uint8Array | undefined,
  cdHashes: readonly string[],
): Readonly<Record<string, string>> {
  if (ticket === undefined) return {};
  const isNamed = cdHashes.some((hash) => Buffer.from(ticket).includes(Buffer.from(hash, "hex")));
  return { ticket: `${ticket.length} bytes, ${isNamed ? "names this code" : "does not spell this code's hash"}` };
}
