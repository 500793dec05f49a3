/** Statements that a migration may not contain, because the runner itself answers for them. Pure. */
import { APPLIED_TABLE } from "./applied.ts";
import type { Statement } from "./statements.ts";

const TRANSACTION = ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"];

/** Why the statement may not stand in a migration, and what to do; undefined if it may. */
export function forbiddenReason(
  statement: Statement,
): { readonly message: string; readonly remedy: string } | undefined {
  const keyword = statement.tokens[0]?.text.toUpperCase() ?? "";
  if (TRANSACTION.includes(keyword)) {
    return {
      message: `${keyword} may not stand in a migration: all pending migrations run in one transaction`,
      remedy: "delete the statement",
    };
  }
  if (keyword === "ATTACH" || keyword === "DETACH" || keyword === "VACUUM") {
    return {
      message: `${keyword} may not stand in a migration: it does not work inside a transaction`,
      remedy: "delete the statement; backups are made for you",
    };
  }
  if (keyword === "PRAGMA") {
    return {
      message: "PRAGMA may not stand in a migration: the runtime sets and checks every pragma",
      remedy: "delete the statement; foreign keys are off while migrations run and checked before they commit",
    };
  }
  const names = statement.tokens.map((token) => token.text.replaceAll(/^["`[']|["`\]']$/g, "").toLowerCase());
  if (names.includes(APPLIED_TABLE)) {
    return {
      message: `${APPLIED_TABLE} may not be used in a migration: it records which migrations have run`,
      remedy: "use a table of your own",
    };
  }
  return undefined;
}
