-- The rows that a new user meets. Fixed keys and times: every build makes the same seed.
INSERT INTO todos (id, title, search_text, completed_at_ms, created_at_ms, updated_at_ms) VALUES
  ('019b0a5c-4c00-7000-8000-000000000004', 'Press N and write down the next thing', 'press n and write down the next thing', NULL, 1765405379588, 1765405379588),
  ('019b0a5c-4c00-7000-8000-000000000003', 'Double-click a todo to change it', 'double-click a todo to change it', NULL, 1765405379587, 1765405379587),
  ('019b0a5c-4c00-7000-8000-000000000002', 'Find anything with /', 'find anything with /', NULL, 1765405379586, 1765405379586),
  ('019b0a5c-4c00-7000-8000-000000000001', 'Open ERTH Assistant', 'open erth assistant', 1765405379585, 1765405379585, 1765405379585);
