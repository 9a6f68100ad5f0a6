-- What retention looks for every second: the oldest delivery that may go, however many older ones may not, and budgets
-- whose time is over.
CREATE INDEX deliveries_kept ON deliveries (received_ms) WHERE state <> 'pending';
CREATE INDEX budgets_window ON budgets (window);

-- Runs of each plugin that ever became dead: this only grows.
INSERT INTO counters (name, plugin, value) SELECT 'runs-died', plugin, count(*) FROM runs WHERE state = 'dead' GROUP BY plugin;
