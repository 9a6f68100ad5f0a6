-- A run is asked for by its id. Ids grow with time, so a new one goes to the index's end.
CREATE UNIQUE INDEX runs_id ON runs (id);
