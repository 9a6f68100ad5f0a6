-- The last good grant outlives a bad one and a restart; what a missing plugin is spared is counted from when its file
-- went. `candidate` holds JSON from here on: a digest, where it stands, and why.
ALTER TABLE plugins ADD COLUMN grant_text TEXT;
ALTER TABLE plugins ADD COLUMN missing_since_ms INTEGER;
