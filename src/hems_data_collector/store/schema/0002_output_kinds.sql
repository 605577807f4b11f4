-- What an output takes, so that whoever looks counts what waits for it as the collector does.
ALTER TABLE outputs ADD COLUMN kinds INTEGER NOT NULL DEFAULT 1;  -- 1 readings, 2 half hours, 3 both
