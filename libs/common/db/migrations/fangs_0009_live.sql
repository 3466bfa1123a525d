-- SPDX-License-Identifier: Apache-2.0
-- What live views are told: a short log of what changed, whoever changed it (services/api/live).
--
-- Readers go by the writing transaction, not by a number from a sequence: a transaction that commits
-- late is still "not yet seen" in a reader's last snapshot, so that none is missed. Only what views
-- show is logged: renewing a lease, a heartbeat and the rows of `events` cost nothing here.
CREATE TABLE live_changes (
    xid  XID8 NOT NULL DEFAULT pg_current_xact_id(),
    at   TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    kind TEXT NOT NULL,  -- run, deviation, runner
    keys TEXT[] NOT NULL -- their ids
);
CREATE INDEX live_changes_by_xid ON live_changes (xid);

-- One row for all that a statement wrote.
CREATE FUNCTION fangs_live_written() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER AS
$$ BEGIN
    INSERT INTO live_changes (kind, keys)
        SELECT TG_ARGV[0], array_agg(id) FROM written HAVING count(*) > 0;
    RETURN NULL;
END $$;
-- Deviations also change what is shown of their runs.
CREATE FUNCTION fangs_live_deviations() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER AS
$$ BEGIN
    INSERT INTO live_changes (kind, keys)
        SELECT 'deviation', array_agg(id) FROM written HAVING count(*) > 0
        UNION ALL
        SELECT 'run', array_agg(DISTINCT run_id) FROM written HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE FUNCTION fangs_live_changed() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER AS
$$ BEGIN
    INSERT INTO live_changes (kind, keys) VALUES (TG_ARGV[0], ARRAY[NEW.id]);
    RETURN NULL;
END $$;
-- They write for whoever may write the tables, so no one else's names may come first.
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION fangs_live_written() SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION fangs_live_deviations() SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION fangs_live_changed() SET search_path = %I, pg_temp', current_schema());
END $$;

CREATE TRIGGER fangs_live_insert AFTER INSERT ON runs REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION fangs_live_written('run');
CREATE TRIGGER fangs_live_update AFTER UPDATE ON runs FOR EACH ROW
    WHEN ((OLD.package_name, OLD.version, OLD.state, OLD.phase, OLD.verdict, OLD.complete,
           OLD.incomplete_reason, OLD.attempt, OLD.is_baseline, OLD.decision, OLD.runner_id,
           OLD.started_at, OLD.finished_at, OLD.judged_at, OLD.failure_reason, OLD.events_emitted,
           OLD.events_dropped, OLD.duration_ns, OLD.image, OLD.image_digest, OLD.node_version,
           OLD.npm_version, OLD.sensor_tier)
        IS DISTINCT FROM
          (NEW.package_name, NEW.version, NEW.state, NEW.phase, NEW.verdict, NEW.complete,
           NEW.incomplete_reason, NEW.attempt, NEW.is_baseline, NEW.decision, NEW.runner_id,
           NEW.started_at, NEW.finished_at, NEW.judged_at, NEW.failure_reason, NEW.events_emitted,
           NEW.events_dropped, NEW.duration_ns, NEW.image, NEW.image_digest, NEW.node_version,
           NEW.npm_version, NEW.sensor_tier))
    EXECUTE FUNCTION fangs_live_changed('run');

CREATE TRIGGER fangs_live_insert AFTER INSERT ON deviations REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION fangs_live_deviations();
CREATE TRIGGER fangs_live_update AFTER UPDATE ON deviations FOR EACH ROW
    WHEN ((OLD.value, OLD.severity, OLD.suppressed, OLD.actor, OLD.reason)
        IS DISTINCT FROM (NEW.value, NEW.severity, NEW.suppressed, NEW.actor, NEW.reason))
    EXECUTE FUNCTION fangs_live_changed('deviation');

CREATE TRIGGER fangs_live_insert AFTER INSERT ON runners REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION fangs_live_written('runner');
-- The last condition: it had fallen silent, and is back. Falling silent itself writes nothing:
-- readers see it from last_seen_at.
CREATE TRIGGER fangs_live_update AFTER UPDATE ON runners FOR EACH ROW
    WHEN ((OLD.hostname, OLD.kernel_version, OLD.capabilities, OLD.transport, OLD.boot_id, OLD.slots,
           OLD.status, OLD.active_run_id, OLD.sensor_tier, OLD.version, OLD.registered_at)
        IS DISTINCT FROM
          (NEW.hostname, NEW.kernel_version, NEW.capabilities, NEW.transport, NEW.boot_id, NEW.slots,
           NEW.status, NEW.active_run_id, NEW.sensor_tier, NEW.version, NEW.registered_at)
        OR NEW.last_seen_at > OLD.last_seen_at + INTERVAL '90 seconds')
    EXECUTE FUNCTION fangs_live_changed('runner');
