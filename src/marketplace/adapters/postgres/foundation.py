"""
What the tables stand on: the role that owns nothing, ranges of ids, and the functions that refuse.

`refuse` and `guard` raise states of their own, so that nobody takes a refusal for another's error.
"""

FOUNDATION = """\
-- Roles are the whole server's: where somebody made this one, and let us be it, nothing is asked for.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketplace_app') THEN
        CREATE ROLE marketplace_app NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
    IF NOT pg_has_role(current_user, 'marketplace_app', 'MEMBER') THEN
        EXECUTE format('GRANT marketplace_app TO %I', current_user);
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO marketplace_app;

CREATE TYPE uuidrange AS RANGE (subtype = uuid);

CREATE FUNCTION guard(standing bigint, wanted bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF standing <> wanted THEN
        RAISE EXCEPTION 'stale: % of % rows stand as they were read', standing, wanted
            USING ERRCODE = 'MP001';
    END IF;
    RETURN true;
END $$;

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0]
        USING ERRCODE = 'MP002', CONSTRAINT = TG_NAME;
END $$;
"""

# The queue is no tenant's: a job names its tenant, and whoever runs it works as that tenant.
QUEUE_GRANTS = """\
GRANT SELECT, INSERT, UPDATE, DELETE ON pgqueuer, pgqueuer_log, pgqueuer_schedules, pgqueuer_statistics
    TO marketplace_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO marketplace_app;
"""
