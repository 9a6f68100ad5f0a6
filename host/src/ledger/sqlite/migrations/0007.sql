-- For which credential `own_author_id` holds, and the account's name, or why the id is not known: JSON.
ALTER TABLE plugins ADD COLUMN own_author TEXT;
