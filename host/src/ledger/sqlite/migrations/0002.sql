-- The last good grant outlives a bad one and a restart; what a missing plugin is spared is counted from when its file
-- went; a manifest names the version it is of. `candidate` holds JSON from here on: a digest, where it stands, and why.
ALTER TABLE plugins ADD COLUMN grant_text TEXT;
ALTER TABLE plugins ADD COLUMN missing_since_ms INTEGER;
ALTER TABLE plugins ADD COLUMN manifest_digest TEXT;

UPDATE plugins SET manifest_digest = active;
-- Version 1 also wrote the digest of a held version there.
UPDATE plugins SET active = NULL WHERE state <> 'loaded';
