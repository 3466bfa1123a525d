-- SPDX-License-Identifier: Apache-2.0
-- What the queues of watcher, dispatcher and notifier need beyond their tables.

-- A notification is rendered once and re-sent unchanged: its body waits here for the next attempt.
ALTER TABLE deliveries
    ADD COLUMN body            BYTEA,
    ADD COLUMN deviation_count INTEGER NOT NULL DEFAULT 0;

CREATE INDEX package_polls_due ON package_polls (next_poll_at);

-- In the order in which the dispatcher places them.
CREATE INDEX runs_queue_order ON runs (queued_at, id) WHERE phase = 'queued';

-- Whoever adds a package (the existing CLI too), the watcher hears of it.
CREATE FUNCTION fangs_packages_added() RETURNS TRIGGER LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_notify('fangs_packages', ''); RETURN NULL; END $$;
CREATE TRIGGER fangs_packages_added AFTER INSERT ON packages
    FOR EACH STATEMENT EXECUTE FUNCTION fangs_packages_added();
