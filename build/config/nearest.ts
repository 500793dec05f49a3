/** "Did you mean": the known word closest to the one that was typed. */
import { distance } from "fastest-levenshtein";

/** The closest of the known words, case aside, if it is close enough to be a slip; otherwise undefined. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  const word = typed.toLowerCase();
  // A hostile key of a million characters is nobody's slip.
  if (word === "" || word.length > 100) return undefined;
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const steps = distance(word, candidate.toLowerCase());
    if (steps < bestDistance) [best, bestDistance] = [candidate, steps];
  }
  if (best === undefined) return undefined;
  // Two swapped letters count as two steps; more than three is another word.
  const limit = Math.min(3, Math.max(1, Math.floor(Math.min(word.length, best.length) / 2)));
  return bestDistance <= limit ? best : undefined;
}
