-- How much state each plugin has: its keys, and the bytes of its keys and values.
INSERT INTO counters (name, plugin, value) SELECT 'state-keys', plugin, count(*) FROM plugin_state GROUP BY plugin;
INSERT INTO counters (name, plugin, value)
  SELECT 'state-bytes', plugin, sum(octet_length(key) + octet_length(value)) FROM plugin_state GROUP BY plugin;
