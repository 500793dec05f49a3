-- Todos. Keys are UUIDv7 in text form; a deleted todo stays as a tombstone, so
-- that it can be restored and, later, synchronised. Times are Unix milliseconds.
CREATE TABLE todos (
  id TEXT PRIMARY KEY NOT NULL,
  title TEXT NOT NULL,
  -- The title folded for search (no case, no accents), written by app/sidecar/title.ts.
  search_text TEXT NOT NULL,
  -- When it was ticked; NULL while it is open.
  completed_at_ms INTEGER,
  is_deleted INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)),
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
);

CREATE INDEX todos_by_creation ON todos (is_deleted, created_at_ms, id);
CREATE INDEX todos_by_completion ON todos (is_deleted, completed_at_ms, id);
