-- SPDX-License-Identifier: Apache-2.0
-- Triage: one deviation suppressed, more kinds of allow entries, runs judged again by changed rules.

-- Allow entries of kinds that the existing CLI does not know. The checks on `allowlists` refuse them,
-- and that CLI lists whatever stands there: so they have a table of their own.
CREATE TABLE allow_rules (
    id           TEXT PRIMARY KEY,
    scope        TEXT NOT NULL CHECK (scope IN ('global', 'package')),
    package_name TEXT,
    kind         TEXT NOT NULL CHECK (kind IN ('path_read', 'path_write', 'dns', 'exec')),
    value        TEXT NOT NULL CHECK (value <> ''),
    note         TEXT NOT NULL DEFAULT '',
    created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    CHECK ((scope = 'global') = (package_name IS NULL))
);
CREATE INDEX allow_rules_by_package ON allow_rules (package_name);

-- All of them, for reading.
CREATE VIEW allow_entries AS
SELECT id, scope, package_name, kind, value, note, created_at FROM allowlists
UNION ALL
SELECT id, scope, package_name, kind, value, note, created_at FROM allow_rules;

-- By what the entries of a package (NULL: of all packages) are told from those of another moment.
-- Nobody has to say that an entry was added or removed: whoever did it, the digest is another one.
CREATE VIEW allow_digests AS
SELECT package_name,
    md5(string_agg(concat_ws(E'\x1f', id, kind, value), E'\x1e' ORDER BY id, kind, value)) AS digest
FROM allow_entries GROUP BY package_name;

CREATE FUNCTION fangs_rules_digest(package TEXT) RETURNS TEXT LANGUAGE SQL STABLE AS $$
SELECT coalesce((SELECT digest FROM allow_digests WHERE package_name IS NULL), '') || '/' ||
    coalesce((SELECT digest FROM allow_digests WHERE package_name = package), '')
$$;

-- The entries that a run which waits for a person was judged by; NULL: look again.
ALTER TABLE runs ADD COLUMN rules_digest TEXT;
UPDATE runs SET rules_digest = fangs_rules_digest(package_name)
    WHERE verdict = 'deviates' AND NOT is_baseline AND decision = '';

-- Why a deviation does not count: because a person said so, whatever the rules say, or by a rule.
-- '' when it counts, and when something else marked it.
ALTER TABLE deviations
    ADD COLUMN suppressed_by  TEXT NOT NULL DEFAULT ''
        CHECK (suppressed_by IN ('', 'person', 'entry', 'baseline')),
    ADD COLUMN suppressed_why TEXT NOT NULL DEFAULT '';
UPDATE deviations SET suppressed_by = 'person' WHERE suppressed;

-- Which one a decision is about ('suppress', 'unsuppress', 'allow').
ALTER TABLE decisions ADD COLUMN deviation_id TEXT NOT NULL DEFAULT '';

-- Runs that somebody wants to be analysed again. The transaction that does it removes the row.
CREATE TABLE reanalyses (
    run_id       TEXT PRIMARY KEY,
    requested_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    requested_by TEXT NOT NULL DEFAULT '',
    note         TEXT NOT NULL DEFAULT ''
);

-- A deviation that counts no more, or again, changes what is shown of its run.
CREATE FUNCTION fangs_live_suppressed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER AS
$$ BEGIN
    INSERT INTO live_changes (kind, keys) VALUES ('run', ARRAY[NEW.run_id]),
        ('deviation', ARRAY[NEW.id]);
    RETURN NULL;
END $$;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION fangs_live_suppressed() SET search_path = %I, pg_temp', current_schema());
END $$;
CREATE TRIGGER fangs_live_suppressed AFTER UPDATE ON deviations FOR EACH ROW
    WHEN ((OLD.suppressed, OLD.suppressed_by, OLD.suppressed_why)
        IS DISTINCT FROM (NEW.suppressed, NEW.suppressed_by, NEW.suppressed_why))
    EXECUTE FUNCTION fangs_live_suppressed();
