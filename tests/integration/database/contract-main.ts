/** Runs the database's contract on the runtime that it is started with; prints one JSON line a case. */
import { cases, runCase } from "./contract.ts";

for (const entry of cases) {
  let error: string | undefined;
  try {
    await runCase(entry);
  } catch (thrown) {
    error = thrown instanceof Error ? `${thrown.message}\n${thrown.stack ?? ""}` : String(thrown);
  }
  console.log(JSON.stringify({ name: entry.name, error }));
}
