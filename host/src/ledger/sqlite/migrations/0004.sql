-- What the rules of delivery need: why a body is no event; how many bytes wait; since when a run is parked; whose hourly
-- share it takes, and from when on (`rate_ms`).
ALTER TABLE deliveries ADD COLUMN unparsable TEXT;
ALTER TABLE runs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN parked_ms INTEGER;
ALTER TABLE runs ADD COLUMN rate_key TEXT;
ALTER TABLE runs ADD COLUMN rate_ms INTEGER;

UPDATE runs SET bytes = (SELECT body_bytes FROM deliveries WHERE deliveries.seq = runs.delivery)
    WHERE state IN ('pending', 'running');
UPDATE runs SET parked_ms = CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE state = 'pending' AND gate = 'parked';
INSERT INTO counters (name, plugin, value)
    SELECT 'backlog-bytes', '', coalesce(sum(bytes), 0) FROM runs
    WHERE state = 'running' OR (state = 'pending' AND gate <> 'parked');

-- Who is next of an order key: the oldest that is not settled.
CREATE INDEX runs_order ON runs (plugin, order_key, seq)
    WHERE order_key IS NOT NULL AND state IN ('pending', 'running');

-- Which run the next like event is one with.
CREATE INDEX runs_debounce ON runs (plugin, debounce_key)
    WHERE debounce_key IS NOT NULL AND state = 'pending' AND claims = 0;

-- Which parked run of a plugin has waited longest.
CREATE INDEX runs_parked ON runs (plugin, parked_ms, seq) WHERE state = 'pending' AND gate = 'parked';
