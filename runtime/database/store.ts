/**
 * The narrow, synchronous view of an open database that app code sees: the
 * common SQL subset, so that another engine can stand behind it.
 */

export type SqlValue = string | number | bigint | null | Uint8Array;

export interface Store {
  /** Every row, as objects by column name. */
  all(sql: string, ...values: readonly SqlValue[]): readonly Record<string, unknown>[];
  /** The first row, or undefined. */
  get(sql: string, ...values: readonly SqlValue[]): Record<string, unknown> | undefined;
  /** A statement without rows; `changes` is the number of rows it touched. */
  run(sql: string, ...values: readonly SqlValue[]): { readonly changes: number };
  /** Runs `work` in `BEGIN IMMEDIATE … COMMIT`; rolls back and rethrows if it throws. */
  transaction<Result>(work: () => Result): Result;
  /** Checkpoints the WAL and closes. */
  close(): void;
}
