-- What retention looks for every second: the oldest delivery that may go, however many older ones may not, and budgets
-- whose time is over.
CREATE INDEX deliveries_kept ON deliveries (received_ms) WHERE state <> 'pending';
CREATE INDEX budgets_window ON budgets (window);

-- Runs that ever became dead: this only grows.
INSERT INTO counters (name, plugin, value) SELECT 'runs-died', '', value FROM counters WHERE name = 'runs-dead' AND plugin = '';
