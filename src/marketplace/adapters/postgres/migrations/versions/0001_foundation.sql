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

CREATE TABLE "tenant" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "slug" text NOT NULL,
    "mode" text NOT NULL,
    "policy" jsonb NOT NULL,
    "salt" text NOT NULL,
    "clock_ahead_seconds" bigint NOT NULL,
    CONSTRAINT "tenant_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "tenant_state" CHECK (state = ANY ('{open,closed}'::text[])),
    CONSTRAINT "tenant_slug_key" UNIQUE ("slug")
);
CREATE TRIGGER "tenant_birth" BEFORE INSERT ON "tenant" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{open}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "tenant_move" BEFORE UPDATE ON "tenant" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{closed>open,open>closed,open>open}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "tenant" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "tenant_own" ON "tenant" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "tenant" TO marketplace_app;

CREATE TABLE "receipt" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "question" text NOT NULL,
    "status" bigint NOT NULL,
    "answer" text NOT NULL,
    "at" timestamptz NOT NULL,
    CONSTRAINT "receipt_pkey" PRIMARY KEY (tenant_id, id)
);
ALTER TABLE "receipt" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "receipt_own" ON "receipt" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON "receipt" TO marketplace_app;

CREATE TABLE "event" (
    "tenant_id" uuid NOT NULL,
    "id" uuid NOT NULL,
    "kind" text NOT NULL,
    "subject_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "name" text NOT NULL,
    "move" text NOT NULL,
    "before" text,
    "after" text NOT NULL,
    "at" timestamptz NOT NULL,
    "actor_role" text NOT NULL,
    "actor_id" uuid,
    "on_behalf_of" uuid,
    "request_id" text NOT NULL,
    "reason" text,
    "changes" jsonb NOT NULL,
    "parties" uuid[] NOT NULL,
    "seq" bigint GENERATED ALWAYS AS IDENTITY,
    "xact" xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT "event_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "event_subject_id_version_key" UNIQUE (tenant_id, "subject_id", "version")
);
CREATE INDEX "event_xact_seq_idx" ON "event" (tenant_id, "xact", "seq");
CREATE INDEX "event_at_idx" ON "event" (tenant_id, "at");
CREATE TRIGGER "event_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "event" FOR EACH STATEMENT EXECUTE FUNCTION refuse('what is written stays');
ALTER TABLE "event" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "event_own" ON "event" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON "event" TO marketplace_app;

CREATE TABLE "user" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "phone" text NOT NULL,
    "name" text NOT NULL,
    "roles" jsonb NOT NULL,
    "provider_id" uuid,
    "joined_at" timestamptz NOT NULL,
    CONSTRAINT "user_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "user_state" CHECK (state = ANY ('{active,blocked}'::text[]))
);
CREATE INDEX "user_phone_idx" ON "user" (tenant_id, "phone");
CREATE INDEX "user_joined_at_idx" ON "user" (tenant_id, "joined_at");
CREATE INDEX "user_state_joined_at_idx" ON "user" (tenant_id, "state", "joined_at");
CREATE TRIGGER "user_birth" BEFORE INSERT ON "user" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{active}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "user_move" BEFORE UPDATE ON "user" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{active>active,active>blocked,blocked>active}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "user" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "user_own" ON "user" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "user" TO marketplace_app;

CREATE TABLE "sign_in" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "phone" text NOT NULL,
    "code_hash" text NOT NULL,
    "tries" bigint NOT NULL,
    "requested_at" timestamptz NOT NULL,
    "expires_at" timestamptz NOT NULL,
    "origin" text NOT NULL,
    "serial" bigint NOT NULL,
    "place" uuid NOT NULL,
    "place_until" timestamptz NOT NULL,
    CONSTRAINT "sign_in_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "sign_in_state" CHECK (state = ANY ('{sent,used,burnt,expired}'::text[])),
    CONSTRAINT "sign_in_phone_serial_key" UNIQUE (tenant_id, "phone", "serial"),
    CONSTRAINT "sign_in_no_overlap" EXCLUDE USING gist (uuidrange(tenant_id, tenant_id, '[]') WITH &&, uuidrange("place", "place", '[]') WITH &&, tstzrange("requested_at", "place_until") WITH &&) WHERE (state = ANY ('{sent,used,burnt,expired}'::text[]))
);
CREATE INDEX "sign_in_phone_requested_at_idx" ON "sign_in" (tenant_id, "phone", "requested_at");
CREATE INDEX "sign_in_origin_requested_at_idx" ON "sign_in" (tenant_id, "origin", "requested_at");
CREATE TRIGGER "sign_in_birth" BEFORE INSERT ON "sign_in" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{sent}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "sign_in_move" BEFORE UPDATE ON "sign_in" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{sent>burnt,sent>expired,sent>sent,sent>used}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "sign_in" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "sign_in_own" ON "sign_in" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "sign_in" TO marketplace_app;

CREATE TABLE "session" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "user_id" uuid NOT NULL,
    "role" text NOT NULL,
    "provider_id" uuid,
    "access_digest" text NOT NULL,
    "refresh_digest" text NOT NULL,
    "opened_at" timestamptz NOT NULL,
    "access_until" timestamptz NOT NULL,
    "refresh_until" timestamptz NOT NULL,
    CONSTRAINT "session_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "session_state" CHECK (state = ANY ('{active,revoked,expired}'::text[]))
);
CREATE INDEX "session_user_id_idx" ON "session" (tenant_id, "user_id");
CREATE INDEX "session_opened_at_idx" ON "session" (tenant_id, "opened_at");
CREATE TRIGGER "session_birth" BEFORE INSERT ON "session" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{active}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "session_move" BEFORE UPDATE ON "session" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{active>active,active>expired,active>revoked}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "session" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "session_own" ON "session" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "session" TO marketplace_app;

CREATE TABLE "provider" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "owner_id" uuid NOT NULL,
    "name" text NOT NULL,
    "about" text NOT NULL,
    "time_zone" text NOT NULL,
    "place" jsonb,
    "hours" jsonb NOT NULL,
    "exceptions" jsonb NOT NULL,
    "time_off" jsonb NOT NULL,
    "buffer_before_minutes" bigint NOT NULL,
    "buffer_after_minutes" bigint NOT NULL,
    "notice_minutes" bigint NOT NULL,
    "payee" text,
    "owed_minor" bigint NOT NULL,
    "stars_sum" bigint NOT NULL,
    "reviews_count" bigint NOT NULL,
    "applied_at" timestamptz NOT NULL,
    CONSTRAINT "provider_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "provider_state" CHECK (state = ANY ('{applied,verified,active,suspended,banned,closed}'::text[]))
);
CREATE INDEX "provider_owner_id_idx" ON "provider" (tenant_id, "owner_id");
CREATE INDEX "provider_applied_at_idx" ON "provider" (tenant_id, "applied_at");
CREATE INDEX "provider_state_applied_at_idx" ON "provider" (tenant_id, "state", "applied_at");
CREATE TRIGGER "provider_birth" BEFORE INSERT ON "provider" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{applied}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "provider_move" BEFORE UPDATE ON "provider" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{active>active,active>banned,active>closed,active>suspended,applied>applied,applied>banned,applied>closed,applied>verified,banned>banned,banned>closed,closed>closed,suspended>active,suspended>banned,suspended>closed,suspended>suspended,verified>active,verified>banned,verified>closed,verified>suspended,verified>verified}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "provider" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "provider_own" ON "provider" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "provider" TO marketplace_app;

CREATE TABLE "unit" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "provider_id" uuid NOT NULL,
    "name" text NOT NULL,
    "added_at" timestamptz NOT NULL,
    "skills" jsonb NOT NULL,
    "base" jsonb,
    "reach_metres" bigint,
    "stars_sum" bigint NOT NULL,
    "reviews_count" bigint NOT NULL,
    CONSTRAINT "unit_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "unit_state" CHECK (state = ANY ('{active,retired}'::text[]))
);
CREATE INDEX "unit_provider_id_idx" ON "unit" (tenant_id, "provider_id");
CREATE INDEX "unit_added_at_idx" ON "unit" (tenant_id, "added_at");
CREATE TRIGGER "unit_birth" BEFORE INSERT ON "unit" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{active}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "unit_move" BEFORE UPDATE ON "unit" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{active>active,active>retired,retired>active,retired>retired}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "unit" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "unit_own" ON "unit" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "unit" TO marketplace_app;

CREATE TABLE "reservation" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "provider_id" uuid NOT NULL,
    "unit_id" uuid NOT NULL,
    "booking_id" uuid NOT NULL,
    "starts_at" timestamptz NOT NULL,
    "ends_at" timestamptz NOT NULL,
    "place" jsonb,
    CONSTRAINT "reservation_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "reservation_state" CHECK (state = ANY ('{held,released}'::text[])),
    CONSTRAINT "reservation_no_overlap" EXCLUDE USING gist (uuidrange(tenant_id, tenant_id, '[]') WITH &&, uuidrange("unit_id", "unit_id", '[]') WITH &&, tstzrange("starts_at", "ends_at") WITH &&) WHERE (state = ANY ('{held}'::text[]))
);
CREATE INDEX "reservation_provider_id_starts_at_idx" ON "reservation" (tenant_id, "provider_id", "starts_at");
CREATE INDEX "reservation_unit_id_ends_at_idx" ON "reservation" (tenant_id, "unit_id", "ends_at");
CREATE INDEX "reservation_booking_id_idx" ON "reservation" (tenant_id, "booking_id");
CREATE INDEX "reservation_starts_at_idx" ON "reservation" (tenant_id, "starts_at");
CREATE TRIGGER "reservation_birth" BEFORE INSERT ON "reservation" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{held}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "reservation_move" BEFORE UPDATE ON "reservation" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{held>held,held>released}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "reservation" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "reservation_own" ON "reservation" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "reservation" TO marketplace_app;

CREATE TABLE "service" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "provider_id" uuid,
    "name" text NOT NULL,
    "description" text NOT NULL,
    "category" text NOT NULL,
    "rule" jsonb NOT NULL,
    "options" jsonb NOT NULL,
    "duration_minutes" bigint NOT NULL,
    "duration_max_minutes" bigint NOT NULL,
    "drafted_at" timestamptz NOT NULL,
    CONSTRAINT "service_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "service_state" CHECK (state = ANY ('{draft,published,withdrawn}'::text[]))
);
CREATE INDEX "service_provider_id_idx" ON "service" (tenant_id, "provider_id");
CREATE INDEX "service_drafted_at_idx" ON "service" (tenant_id, "drafted_at");
CREATE INDEX "service_state_category_drafted_at_idx" ON "service" (tenant_id, "state", "category", "drafted_at");
CREATE TRIGGER "service_birth" BEFORE INSERT ON "service" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{draft}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "service_move" BEFORE UPDATE ON "service" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{draft>draft,draft>published,published>published,published>withdrawn,withdrawn>published,withdrawn>withdrawn}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "service" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "service_own" ON "service" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "service" TO marketplace_app;

CREATE TABLE "booking" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "customer_id" uuid NOT NULL,
    "provider_id" uuid,
    "service_id" uuid NOT NULL,
    "service_name" text NOT NULL,
    "reservation_id" uuid,
    "payment_id" uuid,
    "payment_failure" text,
    "starts_at" timestamptz NOT NULL,
    "ends_at" timestamptz NOT NULL,
    "time_zone" text NOT NULL,
    "skill" text,
    "window_start" timestamptz,
    "window_end" timestamptz,
    "options" jsonb NOT NULL,
    "price" jsonb NOT NULL,
    "currency" text NOT NULL,
    "total_minor" bigint NOT NULL,
    "terms" jsonb NOT NULL,
    "address" text,
    "place" jsonb,
    "note" text,
    "start_code" text,
    "start_misses" bigint NOT NULL,
    "booked_at" timestamptz NOT NULL,
    "pay_by" timestamptz NOT NULL,
    "payment_deadline" timestamptz,
    "accept_by" timestamptz,
    "lapses_at" timestamptz,
    "completed_at" timestamptz,
    "complaint_until" timestamptz,
    "resolve_by" timestamptz,
    "release_at" timestamptz,
    "released_at" timestamptz,
    "proposed_starts_at" timestamptz,
    "proposed_by" text,
    "handed_back_by" uuid,
    "fault" text,
    "refund_minor" bigint,
    "fee_minor" bigint,
    CONSTRAINT "booking_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "booking_state" CHECK (state = ANY ('{awaiting_payment,awaiting_provider,confirmed,en_route,arrived,under_way,delivered,completed,cancelled,expired,declined,no_show,disputed,refunded}'::text[])),
    CONSTRAINT "booking_needs_payment_id" CHECK ("payment_id" IS NOT NULL OR state <> ALL ('{arrived,confirmed,en_route,under_way}'::text[])),
    CONSTRAINT "booking_needs_reservation_id" CHECK ("reservation_id" IS NOT NULL OR state <> ALL ('{arrived,confirmed,en_route,under_way}'::text[]))
);
CREATE INDEX "booking_customer_id_starts_at_idx" ON "booking" (tenant_id, "customer_id", "starts_at");
CREATE INDEX "booking_provider_id_starts_at_idx" ON "booking" (tenant_id, "provider_id", "starts_at");
CREATE INDEX "booking_booked_at_idx" ON "booking" (tenant_id, "booked_at");
CREATE INDEX "booking_state_booked_at_idx" ON "booking" (tenant_id, "state", "booked_at");
CREATE TRIGGER "booking_birth" BEFORE INSERT ON "booking" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{awaiting_payment}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "booking_move" BEFORE UPDATE ON "booking" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{arrived>arrived,arrived>cancelled,arrived>no_show,arrived>under_way,awaiting_payment>awaiting_payment,awaiting_payment>awaiting_provider,awaiting_payment>cancelled,awaiting_payment>confirmed,awaiting_payment>expired,awaiting_provider>awaiting_provider,awaiting_provider>cancelled,awaiting_provider>confirmed,awaiting_provider>declined,awaiting_provider>expired,completed>completed,completed>disputed,confirmed>awaiting_provider,confirmed>cancelled,confirmed>confirmed,confirmed>en_route,confirmed>no_show,confirmed>under_way,delivered>completed,delivered>disputed,disputed>completed,disputed>refunded,en_route>arrived,en_route>awaiting_provider,en_route>cancelled,en_route>no_show,no_show>disputed,no_show>no_show,under_way>delivered}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "booking" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "booking_own" ON "booking" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "booking" TO marketplace_app;

CREATE TABLE "payment_method" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "customer_id" uuid NOT NULL,
    "kind" text NOT NULL,
    "rail" text NOT NULL,
    "created_at" timestamptz NOT NULL,
    "authorise_by" timestamptz NOT NULL,
    "source" text,
    "payer" jsonb,
    "terms" jsonb,
    "contract" text,
    "wanted" jsonb,
    "amendment_id" uuid,
    "token" text,
    "label" text,
    "rail_reference" text,
    "next_action" text,
    "expires_at" timestamptz,
    "failure" text,
    "lookups" bigint NOT NULL,
    CONSTRAINT "payment_method_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "payment_method_state" CHECK (state = ANY ('{draft,pending_auth,active,amended,suspended,cancelling,cancelled,expired,rejected}'::text[])),
    CONSTRAINT "payment_method_needs_token" CHECK ("token" IS NOT NULL OR state <> ALL ('{active}'::text[])),
    CONSTRAINT "payment_method_contract_key" UNIQUE (tenant_id, "contract")
);
CREATE INDEX "payment_method_customer_id_created_at_idx" ON "payment_method" (tenant_id, "customer_id", "created_at");
CREATE INDEX "payment_method_created_at_idx" ON "payment_method" (tenant_id, "created_at");
CREATE INDEX "payment_method_state_created_at_idx" ON "payment_method" (tenant_id, "state", "created_at");
CREATE TRIGGER "payment_method_birth" BEFORE INSERT ON "payment_method" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{draft}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "payment_method_move" BEFORE UPDATE ON "payment_method" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{active>active,active>amended,active>cancelled,active>cancelling,active>expired,active>suspended,amended>active,amended>amended,amended>cancelled,amended>cancelling,amended>expired,amended>suspended,cancelling>cancelled,cancelling>cancelling,draft>active,draft>cancelled,draft>cancelling,draft>draft,draft>expired,draft>pending_auth,draft>rejected,draft>suspended,pending_auth>active,pending_auth>cancelled,pending_auth>cancelling,pending_auth>expired,pending_auth>pending_auth,pending_auth>rejected,pending_auth>suspended,suspended>active,suspended>amended,suspended>cancelled,suspended>cancelling,suspended>expired,suspended>suspended}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "payment_method" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "payment_method_own" ON "payment_method" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "payment_method" TO marketplace_app;

CREATE TABLE "payment" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "booking_id" uuid NOT NULL,
    "customer_id" uuid NOT NULL,
    "provider_id" uuid,
    "rail" text NOT NULL,
    "method" text NOT NULL,
    "hold" boolean NOT NULL,
    "currency" text NOT NULL,
    "amount_minor" bigint NOT NULL,
    "created_at" timestamptz NOT NULL,
    "captured_minor" bigint NOT NULL,
    "refunded_minor" bigint NOT NULL,
    "released_minor" bigint NOT NULL,
    "lost_minor" bigint NOT NULL,
    "contested_minor" bigint NOT NULL,
    "rail_reference" text,
    "next_action" text,
    "evidence" text,
    "failure" text,
    "lookups" bigint NOT NULL,
    "method_id" uuid,
    "charge_at" timestamptz,
    "hold_until" timestamptz,
    "fallback_rail" text,
    "collecting" bigint NOT NULL,
    CONSTRAINT "payment_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "payment_state" CHECK (state = ANY ('{created,promised,needs_action,submitted,tracking,authorised,capturing,voiding,succeeded,settled,failed,cancelled,returned,disputed,won,lost,part_lost,unknown}'::text[])),
    CONSTRAINT "payment_needs_charge_at" CHECK ("charge_at" IS NOT NULL OR state <> ALL ('{promised}'::text[])),
    CONSTRAINT "payment_needs_method_id" CHECK ("method_id" IS NOT NULL OR state <> ALL ('{promised}'::text[])),
    CONSTRAINT "payment_needs_rail_reference" CHECK ("rail_reference" IS NOT NULL OR state <> ALL ('{authorised,settled,succeeded}'::text[])),
    CONSTRAINT "payment_captured_minor_at_most" CHECK ("refunded_minor" >= 0 AND "released_minor" >= 0 AND "lost_minor" >= 0 AND "refunded_minor" + "released_minor" + "lost_minor" <= "captured_minor")
);
CREATE INDEX "payment_booking_id_idx" ON "payment" (tenant_id, "booking_id");
CREATE INDEX "payment_created_at_idx" ON "payment" (tenant_id, "created_at");
CREATE INDEX "payment_state_created_at_idx" ON "payment" (tenant_id, "state", "created_at");
CREATE UNIQUE INDEX "payment_id_key" ON "payment" ("id") WHERE state = ANY ('{created,promised,needs_action,submitted,tracking,authorised,capturing,voiding,succeeded,settled,failed,cancelled,returned,disputed,won,lost,part_lost,unknown}'::text[]);
CREATE TRIGGER "payment_birth" BEFORE INSERT ON "payment" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{created}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "payment_move" BEFORE UPDATE ON "payment" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{authorised>cancelled,authorised>capturing,authorised>failed,authorised>succeeded,authorised>voiding,cancelled>authorised,cancelled>succeeded,capturing>cancelled,capturing>capturing,capturing>failed,capturing>succeeded,created>authorised,created>cancelled,created>created,created>failed,created>needs_action,created>promised,created>submitted,created>succeeded,created>unknown,created>voiding,disputed>disputed,disputed>lost,disputed>part_lost,disputed>won,failed>authorised,failed>succeeded,needs_action>authorised,needs_action>cancelled,needs_action>failed,needs_action>needs_action,needs_action>submitted,needs_action>succeeded,needs_action>unknown,needs_action>voiding,part_lost>disputed,part_lost>part_lost,part_lost>returned,promised>cancelled,promised>created,promised>promised,settled>disputed,settled>returned,settled>settled,submitted>authorised,submitted>cancelled,submitted>failed,submitted>needs_action,submitted>submitted,submitted>succeeded,submitted>tracking,submitted>unknown,submitted>voiding,succeeded>disputed,succeeded>returned,succeeded>settled,succeeded>succeeded,tracking>authorised,tracking>cancelled,tracking>failed,tracking>succeeded,tracking>tracking,tracking>voiding,unknown>authorised,unknown>cancelled,unknown>failed,unknown>needs_action,unknown>submitted,unknown>succeeded,unknown>unknown,unknown>voiding,voiding>authorised,voiding>cancelled,voiding>failed,voiding>succeeded,voiding>voiding,won>disputed,won>returned,won>won}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "payment" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "payment_own" ON "payment" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "payment" TO marketplace_app;

CREATE TABLE "refund" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "payment_id" uuid NOT NULL,
    "booking_id" uuid NOT NULL,
    "customer_id" uuid NOT NULL,
    "rail" text NOT NULL,
    "currency" text NOT NULL,
    "amount_minor" bigint NOT NULL,
    "requested_at" timestamptz NOT NULL,
    "attempt" bigint NOT NULL,
    "reference" uuid NOT NULL,
    "by_hand" boolean NOT NULL,
    "failure" text,
    "lookups" bigint NOT NULL,
    CONSTRAINT "refund_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "refund_state" CHECK (state = ANY ('{requested,pending,succeeded,failed,bounced,cancelled}'::text[]))
);
CREATE INDEX "refund_payment_id_idx" ON "refund" (tenant_id, "payment_id");
CREATE INDEX "refund_reference_idx" ON "refund" (tenant_id, "reference");
CREATE INDEX "refund_booking_id_idx" ON "refund" (tenant_id, "booking_id");
CREATE INDEX "refund_requested_at_idx" ON "refund" (tenant_id, "requested_at");
CREATE INDEX "refund_state_requested_at_idx" ON "refund" (tenant_id, "state", "requested_at");
CREATE TRIGGER "refund_birth" BEFORE INSERT ON "refund" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{requested}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "refund_move" BEFORE UPDATE ON "refund" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{bounced>cancelled,bounced>requested,bounced>succeeded,cancelled>succeeded,failed>cancelled,failed>requested,failed>succeeded,pending>failed,pending>pending,pending>succeeded,requested>cancelled,requested>failed,requested>pending,requested>requested,requested>succeeded,succeeded>bounced,succeeded>succeeded}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "refund" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "refund_own" ON "refund" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "refund" TO marketplace_app;

CREATE TABLE "vendor_event" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "rail" text NOT NULL,
    "event_id" text NOT NULL,
    "reference" uuid NOT NULL,
    "subject" text NOT NULL,
    "at" timestamptz NOT NULL,
    "request_id" text NOT NULL,
    CONSTRAINT "vendor_event_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "vendor_event_rail_event_id_key" UNIQUE (tenant_id, "rail", "event_id")
);
CREATE INDEX "vendor_event_reference_idx" ON "vendor_event" (tenant_id, "reference");
CREATE INDEX "vendor_event_at_idx" ON "vendor_event" (tenant_id, "at");
CREATE TRIGGER "vendor_event_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "vendor_event" FOR EACH STATEMENT EXECUTE FUNCTION refuse('what is written stays');
ALTER TABLE "vendor_event" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "vendor_event_own" ON "vendor_event" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON "vendor_event" TO marketplace_app;

CREATE TABLE "movement" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "key" text NOT NULL,
    "name" text NOT NULL,
    "subject_id" uuid NOT NULL,
    "booking_id" uuid,
    "at" timestamptz NOT NULL,
    CONSTRAINT "movement_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "movement_key_key" UNIQUE (tenant_id, "key")
);
CREATE INDEX "movement_booking_id_idx" ON "movement" (tenant_id, "booking_id");
CREATE INDEX "movement_subject_id_idx" ON "movement" (tenant_id, "subject_id");
CREATE INDEX "movement_at_idx" ON "movement" (tenant_id, "at");
CREATE TRIGGER "movement_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "movement" FOR EACH STATEMENT EXECUTE FUNCTION refuse('what is written stays');
ALTER TABLE "movement" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "movement_own" ON "movement" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON "movement" TO marketplace_app;

CREATE TABLE "posting" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "movement_id" uuid NOT NULL,
    "account" text NOT NULL,
    "amount_minor" bigint NOT NULL,
    "currency" text NOT NULL,
    CONSTRAINT "posting_pkey" PRIMARY KEY (tenant_id, id)
);
CREATE INDEX "posting_movement_id_idx" ON "posting" (tenant_id, "movement_id");
CREATE INDEX "posting_account_idx" ON "posting" (tenant_id, "account");
CREATE FUNCTION "posting_balanced"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added GROUP BY tenant_id, "movement_id", "currency" HAVING sum("amount_minor") <> 0) THEN
        RAISE EXCEPTION '%: does not sum to zero', TG_TABLE_NAME USING ERRCODE = 'MP002', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER "posting_balanced" AFTER INSERT ON "posting" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "posting_balanced"();
CREATE TRIGGER "posting_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "posting" FOR EACH STATEMENT EXECUTE FUNCTION refuse('what is written stays');
ALTER TABLE "posting" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "posting_own" ON "posting" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON "posting" TO marketplace_app;

CREATE TABLE "payout_account" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "provider_id" uuid NOT NULL,
    "kind" text NOT NULL,
    "rail" text NOT NULL,
    "opened_at" timestamptz NOT NULL,
    "country" text,
    "source" text,
    "bank_account" jsonb,
    "token" text,
    "label" text,
    "required" jsonb NOT NULL,
    "rail_reference" text,
    "failure" text,
    "lookups" bigint NOT NULL,
    CONSTRAINT "payout_account_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "payout_account_state" CHECK (state = ANY ('{opening,needs_action,pending,active,restricted,rejected,closed}'::text[])),
    CONSTRAINT "payout_account_needs_token" CHECK ("token" IS NOT NULL OR state <> ALL ('{active}'::text[]))
);
CREATE INDEX "payout_account_provider_id_opened_at_idx" ON "payout_account" (tenant_id, "provider_id", "opened_at");
CREATE INDEX "payout_account_opened_at_idx" ON "payout_account" (tenant_id, "opened_at");
CREATE INDEX "payout_account_state_opened_at_idx" ON "payout_account" (tenant_id, "state", "opened_at");
CREATE UNIQUE INDEX "payout_account_provider_id_key" ON "payout_account" (tenant_id, "provider_id") WHERE state = ANY ('{opening,needs_action,pending}'::text[]);
CREATE TRIGGER "payout_account_birth" BEFORE INSERT ON "payout_account" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{opening}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "payout_account_move" BEFORE UPDATE ON "payout_account" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{active>active,active>closed,active>rejected,active>restricted,needs_action>active,needs_action>closed,needs_action>needs_action,needs_action>pending,needs_action>rejected,needs_action>restricted,opening>active,opening>closed,opening>needs_action,opening>opening,opening>pending,opening>rejected,opening>restricted,pending>active,pending>closed,pending>needs_action,pending>pending,pending>rejected,pending>restricted,restricted>active,restricted>closed,restricted>rejected,restricted>restricted}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "payout_account" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "payout_account_own" ON "payout_account" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "payout_account" TO marketplace_app;

CREATE TABLE "earning" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "provider_id" uuid NOT NULL,
    "booking_id" uuid NOT NULL,
    "payment_id" uuid,
    "reason" text NOT NULL,
    "currency" text NOT NULL,
    "amount_minor" bigint NOT NULL,
    "earned_at" timestamptz NOT NULL,
    "payable_at" timestamptz NOT NULL,
    "payout_id" uuid,
    CONSTRAINT "earning_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "earning_state" CHECK (state = ANY ('{payable,drawn}'::text[])),
    CONSTRAINT "earning_needs_payout_id" CHECK ("payout_id" IS NOT NULL OR state <> ALL ('{drawn}'::text[]))
);
CREATE INDEX "earning_provider_id_state_idx" ON "earning" (tenant_id, "provider_id", "state");
CREATE INDEX "earning_state_payable_at_idx" ON "earning" (tenant_id, "state", "payable_at");
CREATE INDEX "earning_booking_id_idx" ON "earning" (tenant_id, "booking_id");
CREATE INDEX "earning_payout_id_idx" ON "earning" (tenant_id, "payout_id");
CREATE INDEX "earning_earned_at_idx" ON "earning" (tenant_id, "earned_at");
CREATE TRIGGER "earning_birth" BEFORE INSERT ON "earning" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{payable}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "earning_move" BEFORE UPDATE ON "earning" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{payable>drawn}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "earning" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "earning_own" ON "earning" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "earning" TO marketplace_app;

CREATE TABLE "payout" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "provider_id" uuid NOT NULL,
    "rail" text NOT NULL,
    "payee" text NOT NULL,
    "currency" text NOT NULL,
    "amount_minor" bigint NOT NULL,
    "together_minor" bigint NOT NULL,
    "payment_id" uuid,
    "attempt" bigint NOT NULL,
    "reference" uuid NOT NULL,
    "drawn_at" timestamptz NOT NULL,
    "drawn_by" uuid,
    "due_again_by" uuid,
    "approved_by" uuid,
    "reversible" boolean NOT NULL,
    "rail_reference" text,
    "failure" text,
    "lookups" bigint NOT NULL,
    CONSTRAINT "payout_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "payout_state" CHECK (state = ANY ('{due,approved,held,sent,paid,failed}'::text[]))
);
CREATE INDEX "payout_provider_id_idx" ON "payout" (tenant_id, "provider_id");
CREATE INDEX "payout_reference_idx" ON "payout" (tenant_id, "reference");
CREATE INDEX "payout_drawn_at_idx" ON "payout" (tenant_id, "drawn_at");
CREATE INDEX "payout_state_drawn_at_idx" ON "payout" (tenant_id, "state", "drawn_at");
CREATE UNIQUE INDEX "payout_reference_key" ON "payout" ("reference") WHERE state = ANY ('{due,approved,held,sent,paid,failed}'::text[]);
CREATE TRIGGER "payout_birth" BEFORE INSERT ON "payout" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{due,approved}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "payout_move" BEFORE UPDATE ON "payout" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{approved>approved,approved>failed,approved>paid,approved>sent,due>approved,due>held,failed>due,failed>held,held>due,paid>failed,paid>paid,sent>failed,sent>paid,sent>sent}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "payout" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "payout_own" ON "payout" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "payout" TO marketplace_app;

CREATE TABLE "payout_run" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "started_at" timestamptz NOT NULL,
    "started_by" uuid,
    "last_provider_id" uuid NOT NULL,
    "drawn" bigint NOT NULL,
    "skipped" bigint NOT NULL,
    CONSTRAINT "payout_run_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "payout_run_state" CHECK (state = ANY ('{running,finished}'::text[]))
);
CREATE INDEX "payout_run_started_at_idx" ON "payout_run" (tenant_id, "started_at");
CREATE TRIGGER "payout_run_birth" BEFORE INSERT ON "payout_run" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{running}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "payout_run_move" BEFORE UPDATE ON "payout_run" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{running>finished,running>running}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "payout_run" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "payout_run_own" ON "payout_run" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "payout_run" TO marketplace_app;

CREATE TABLE "payout_reversal" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "payout_id" uuid NOT NULL,
    "provider_id" uuid NOT NULL,
    "booking_id" uuid NOT NULL,
    "payment_id" uuid NOT NULL,
    "rail" text NOT NULL,
    "transfer" uuid NOT NULL,
    "currency" text NOT NULL,
    "amount_minor" bigint NOT NULL,
    "requested_at" timestamptz NOT NULL,
    "rail_reference" text,
    "failure" text,
    "lookups" bigint NOT NULL,
    CONSTRAINT "payout_reversal_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "payout_reversal_state" CHECK (state = ANY ('{requested,succeeded,refused}'::text[]))
);
CREATE INDEX "payout_reversal_provider_id_idx" ON "payout_reversal" (tenant_id, "provider_id");
CREATE INDEX "payout_reversal_requested_at_idx" ON "payout_reversal" (tenant_id, "requested_at");
CREATE INDEX "payout_reversal_state_requested_at_idx" ON "payout_reversal" (tenant_id, "state", "requested_at");
CREATE TRIGGER "payout_reversal_birth" BEFORE INSERT ON "payout_reversal" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{requested}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "payout_reversal_move" BEFORE UPDATE ON "payout_reversal" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{requested>refused,requested>requested,requested>succeeded}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "payout_reversal" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "payout_reversal_own" ON "payout_reversal" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "payout_reversal" TO marketplace_app;

CREATE TABLE "rail_statement" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "rail" text NOT NULL,
    "cursor" text,
    "asked_at" timestamptz NOT NULL,
    "lines" bigint NOT NULL,
    CONSTRAINT "rail_statement_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "rail_statement_state" CHECK (state = ANY ('{reading,read}'::text[])),
    CONSTRAINT "rail_statement_rail_key" UNIQUE (tenant_id, "rail")
);
CREATE INDEX "rail_statement_asked_at_idx" ON "rail_statement" (tenant_id, "asked_at");
CREATE TRIGGER "rail_statement_birth" BEFORE INSERT ON "rail_statement" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{reading}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "rail_statement_move" BEFORE UPDATE ON "rail_statement" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{read>reading,reading>read,reading>reading}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "rail_statement" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "rail_statement_own" ON "rail_statement" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "rail_statement" TO marketplace_app;

CREATE TABLE "settlement" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "rail" text NOT NULL,
    "line_id" text NOT NULL,
    "reference" uuid NOT NULL,
    "subject" text NOT NULL,
    "currency" text NOT NULL,
    "gross_minor" bigint NOT NULL,
    "fee_minor" bigint NOT NULL,
    "settled_at" timestamptz NOT NULL,
    "movement_id" uuid,
    "booking_id" uuid,
    "problem" text,
    "cause" text,
    "cleared_minor" bigint NOT NULL,
    "rechecks" bigint NOT NULL,
    CONSTRAINT "settlement_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "settlement_state" CHECK (state = ANY ('{booked,break,resolved}'::text[])),
    CONSTRAINT "settlement_needs_movement_id" CHECK ("movement_id" IS NOT NULL OR state <> ALL ('{booked}'::text[])),
    CONSTRAINT "settlement_rail_line_id_key" UNIQUE (tenant_id, "rail", "line_id"),
    CONSTRAINT "settlement_movement_id_key" UNIQUE (tenant_id, "movement_id")
);
CREATE INDEX "settlement_reference_idx" ON "settlement" (tenant_id, "reference");
CREATE INDEX "settlement_settled_at_idx" ON "settlement" (tenant_id, "settled_at");
CREATE INDEX "settlement_state_settled_at_idx" ON "settlement" (tenant_id, "state", "settled_at");
CREATE TRIGGER "settlement_birth" BEFORE INSERT ON "settlement" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{booked,break}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "settlement_move" BEFORE UPDATE ON "settlement" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{break>booked,break>break,break>resolved}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "settlement" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "settlement_own" ON "settlement" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "settlement" TO marketplace_app;

CREATE TABLE "review" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "booking_id" uuid NOT NULL,
    "customer_id" uuid NOT NULL,
    "provider_id" uuid NOT NULL,
    "unit_id" uuid,
    "service_id" uuid NOT NULL,
    "service_name" text NOT NULL,
    "stars" bigint NOT NULL,
    "words" text,
    "given_at" timestamptz NOT NULL,
    "reply" text,
    "replied_at" timestamptz,
    "counted" boolean NOT NULL,
    CONSTRAINT "review_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "review_state" CHECK (state = ANY ('{published,hidden}'::text[])),
    CONSTRAINT "review_booking_id_key" UNIQUE (tenant_id, "booking_id")
);
CREATE INDEX "review_provider_id_given_at_idx" ON "review" (tenant_id, "provider_id", "given_at");
CREATE INDEX "review_customer_id_given_at_idx" ON "review" (tenant_id, "customer_id", "given_at");
CREATE INDEX "review_unit_id_given_at_idx" ON "review" (tenant_id, "unit_id", "given_at");
CREATE INDEX "review_given_at_idx" ON "review" (tenant_id, "given_at");
CREATE INDEX "review_state_given_at_idx" ON "review" (tenant_id, "state", "given_at");
CREATE TRIGGER "review_birth" BEFORE INSERT ON "review" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{published}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "review_move" BEFORE UPDATE ON "review" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{hidden>hidden,hidden>published,published>hidden,published>published}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "review" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "review_own" ON "review" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "review" TO marketplace_app;

CREATE TABLE "membership" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "customer_id" uuid NOT NULL,
    "level" bigint NOT NULL,
    "granted_at" timestamptz NOT NULL,
    "until" timestamptz NOT NULL,
    "ended_at" timestamptz,
    CONSTRAINT "membership_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "membership_state" CHECK (state = ANY ('{active,ended}'::text[])),
    CONSTRAINT "membership_needs_ended_at" CHECK ("ended_at" IS NOT NULL OR state <> ALL ('{ended}'::text[]))
);
CREATE INDEX "membership_customer_id_granted_at_idx" ON "membership" (tenant_id, "customer_id", "granted_at");
CREATE INDEX "membership_granted_at_idx" ON "membership" (tenant_id, "granted_at");
CREATE INDEX "membership_state_granted_at_idx" ON "membership" (tenant_id, "state", "granted_at");
CREATE UNIQUE INDEX "membership_customer_id_key" ON "membership" (tenant_id, "customer_id") WHERE state = ANY ('{active}'::text[]);
CREATE TRIGGER "membership_birth" BEFORE INSERT ON "membership" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{active}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "membership_move" BEFORE UPDATE ON "membership" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{active>active,active>ended}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "membership" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "membership_own" ON "membership" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "membership" TO marketplace_app;

CREATE TABLE "presence" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "unit_id" uuid NOT NULL,
    "provider_id" uuid NOT NULL,
    "ends_at" timestamptz,
    "place" jsonb NOT NULL,
    "square" text NOT NULL,
    "placed_at" timestamptz NOT NULL,
    "idle_since" timestamptz NOT NULL,
    "offered" bigint NOT NULL,
    "accepted" bigint NOT NULL,
    "done" jsonb NOT NULL,
    CONSTRAINT "presence_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "presence_state" CHECK (state = ANY ('{offline,online}'::text[]))
);
CREATE INDEX "presence_state_id_idx" ON "presence" (tenant_id, "state", "id");
CREATE INDEX "presence_square_placed_at_idx" ON "presence" (tenant_id, "square", "placed_at");
CREATE INDEX "presence_placed_at_idx" ON "presence" (tenant_id, "placed_at");
CREATE INDEX "presence_state_placed_at_idx" ON "presence" (tenant_id, "state", "placed_at");
CREATE INDEX "presence_provider_id_placed_at_idx" ON "presence" (tenant_id, "provider_id", "placed_at");
CREATE TRIGGER "presence_birth" BEFORE INSERT ON "presence" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{online}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "presence_move" BEFORE UPDATE ON "presence" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{offline>offline,offline>online,online>offline,online>online}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "presence" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "presence_own" ON "presence" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "presence" TO marketplace_app;

CREATE TABLE "block" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "customer_id" uuid NOT NULL,
    "provider_id" uuid NOT NULL,
    "set_by" text NOT NULL,
    "set_at" timestamptz NOT NULL,
    CONSTRAINT "block_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "block_state" CHECK (state = ANY ('{standing,lifted}'::text[]))
);
CREATE INDEX "block_customer_id_idx" ON "block" (tenant_id, "customer_id");
CREATE INDEX "block_provider_id_idx" ON "block" (tenant_id, "provider_id");
CREATE INDEX "block_set_at_idx" ON "block" (tenant_id, "set_at");
CREATE TRIGGER "block_birth" BEFORE INSERT ON "block" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{standing}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "block_move" BEFORE UPDATE ON "block" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{lifted>standing,standing>lifted}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "block" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "block_own" ON "block" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "block" TO marketplace_app;

CREATE TABLE "area" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "cell" text NOT NULL,
    "tick_at" timestamptz,
    CONSTRAINT "area_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "area_state" CHECK (state = ANY ('{quiet,gathering}'::text[])),
    CONSTRAINT "area_needs_tick_at" CHECK ("tick_at" IS NOT NULL OR state <> ALL ('{gathering}'::text[]))
);
CREATE TRIGGER "area_birth" BEFORE INSERT ON "area" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{quiet,gathering}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "area_move" BEFORE UPDATE ON "area" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{gathering>gathering,gathering>quiet,quiet>gathering}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "area" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "area_own" ON "area" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "area" TO marketplace_app;

CREATE TABLE "dispatch_job" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "booking_id" uuid NOT NULL,
    "customer_id" uuid NOT NULL,
    "area_id" uuid NOT NULL,
    "place" jsonb NOT NULL,
    "skill" text NOT NULL,
    "duration_minutes" bigint NOT NULL,
    "window_start" timestamptz NOT NULL,
    "window_end" timestamptz NOT NULL,
    "queued_at" timestamptz NOT NULL,
    "give_up_at" timestamptz NOT NULL,
    "search_at" timestamptz,
    "priority" bigint NOT NULL,
    "wave" bigint NOT NULL,
    "unfit" uuid[] NOT NULL,
    "unit_id" uuid,
    CONSTRAINT "dispatch_job_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "dispatch_job_state" CHECK (state = ANY ('{queued,offering,assigned,exhausted,withdrawn}'::text[]))
);
CREATE INDEX "dispatch_job_area_id_state_queued_at_idx" ON "dispatch_job" (tenant_id, "area_id", "state", "queued_at");
CREATE INDEX "dispatch_job_booking_id_idx" ON "dispatch_job" (tenant_id, "booking_id");
CREATE INDEX "dispatch_job_customer_id_queued_at_idx" ON "dispatch_job" (tenant_id, "customer_id", "queued_at");
CREATE INDEX "dispatch_job_queued_at_idx" ON "dispatch_job" (tenant_id, "queued_at");
CREATE INDEX "dispatch_job_state_queued_at_idx" ON "dispatch_job" (tenant_id, "state", "queued_at");
CREATE UNIQUE INDEX "dispatch_job_booking_id_key" ON "dispatch_job" (tenant_id, "booking_id") WHERE state = ANY ('{queued,offering,exhausted}'::text[]);
CREATE TRIGGER "dispatch_job_birth" BEFORE INSERT ON "dispatch_job" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{queued}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "dispatch_job_move" BEFORE UPDATE ON "dispatch_job" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{exhausted>assigned,exhausted>queued,exhausted>withdrawn,offering>assigned,offering>offering,offering>queued,offering>withdrawn,queued>assigned,queued>exhausted,queued>offering,queued>queued,queued>withdrawn}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "dispatch_job" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "dispatch_job_own" ON "dispatch_job" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "dispatch_job" TO marketplace_app;

CREATE TABLE "dispatch_offer" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "job_id" uuid NOT NULL,
    "booking_id" uuid NOT NULL,
    "provider_id" uuid NOT NULL,
    "unit_id" uuid NOT NULL,
    "wave" bigint NOT NULL,
    "leaves_at" timestamptz NOT NULL,
    "travel_seconds" bigint NOT NULL,
    "starts_at" timestamptz NOT NULL,
    "sent_at" timestamptz NOT NULL,
    "expires_at" timestamptz NOT NULL,
    CONSTRAINT "dispatch_offer_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "dispatch_offer_state" CHECK (state = ANY ('{sent,delivered,seen,accepted,declined,expired,withdrawn}'::text[]))
);
CREATE INDEX "dispatch_offer_job_id_idx" ON "dispatch_offer" (tenant_id, "job_id");
CREATE INDEX "dispatch_offer_unit_id_sent_at_idx" ON "dispatch_offer" (tenant_id, "unit_id", "sent_at");
CREATE INDEX "dispatch_offer_provider_id_sent_at_idx" ON "dispatch_offer" (tenant_id, "provider_id", "sent_at");
CREATE INDEX "dispatch_offer_sent_at_idx" ON "dispatch_offer" (tenant_id, "sent_at");
CREATE INDEX "dispatch_offer_state_sent_at_idx" ON "dispatch_offer" (tenant_id, "state", "sent_at");
CREATE UNIQUE INDEX "dispatch_offer_unit_id_key" ON "dispatch_offer" (tenant_id, "unit_id") WHERE state = ANY ('{sent,delivered,seen}'::text[]);
CREATE TRIGGER "dispatch_offer_birth" BEFORE INSERT ON "dispatch_offer" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{sent}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "dispatch_offer_move" BEFORE UPDATE ON "dispatch_offer" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{delivered>accepted,delivered>declined,delivered>expired,delivered>seen,delivered>withdrawn,seen>accepted,seen>declined,seen>expired,seen>withdrawn,sent>accepted,sent>declined,sent>delivered,sent>expired,sent>seen,sent>withdrawn}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "dispatch_offer" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "dispatch_offer_own" ON "dispatch_offer" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "dispatch_offer" TO marketplace_app;

CREATE TABLE "dispatch_decision" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "round_id" uuid NOT NULL,
    "place" bigint NOT NULL,
    "job_id" uuid NOT NULL,
    "booking_id" uuid NOT NULL,
    "wave" bigint NOT NULL,
    "at" timestamptz NOT NULL,
    "terms" jsonb NOT NULL,
    "asked" jsonb NOT NULL,
    "verdicts" jsonb NOT NULL,
    "carried_out" boolean NOT NULL,
    CONSTRAINT "dispatch_decision_pkey" PRIMARY KEY (tenant_id, id)
);
CREATE INDEX "dispatch_decision_job_id_at_idx" ON "dispatch_decision" (tenant_id, "job_id", "at");
CREATE INDEX "dispatch_decision_round_id_idx" ON "dispatch_decision" (tenant_id, "round_id");
CREATE INDEX "dispatch_decision_at_idx" ON "dispatch_decision" (tenant_id, "at");
CREATE TRIGGER "dispatch_decision_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "dispatch_decision" FOR EACH STATEMENT EXECUTE FUNCTION refuse('what is written stays');
ALTER TABLE "dispatch_decision" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "dispatch_decision_own" ON "dispatch_decision" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON "dispatch_decision" TO marketplace_app;

CREATE TABLE "notification" (
    "id" uuid NOT NULL,
    "tenant_id" uuid NOT NULL,
    "version" bigint NOT NULL,
    "state" text NOT NULL,
    "due_at" timestamptz,
    "user_id" uuid NOT NULL,
    "channel" text NOT NULL,
    "address" text NOT NULL,
    "template" text NOT NULL,
    "text" text NOT NULL,
    "secret" text,
    "subject_id" uuid NOT NULL,
    "planned_at" timestamptz NOT NULL,
    "expires_at" timestamptz NOT NULL,
    "sent_by" text,
    "lookups" bigint NOT NULL,
    "channel_reference" text,
    "rejection" text,
    CONSTRAINT "notification_pkey" PRIMARY KEY (tenant_id, id),
    CONSTRAINT "notification_state" CHECK (state = ANY ('{planned,sending,accepted,delivered,read,failed,suppressed,expired,unknown}'::text[]))
);
CREATE INDEX "notification_user_id_idx" ON "notification" (tenant_id, "user_id");
CREATE INDEX "notification_subject_id_idx" ON "notification" (tenant_id, "subject_id");
CREATE INDEX "notification_planned_at_idx" ON "notification" (tenant_id, "planned_at");
CREATE INDEX "notification_state_planned_at_idx" ON "notification" (tenant_id, "state", "planned_at");
CREATE TRIGGER "notification_birth" BEFORE INSERT ON "notification" FOR EACH ROW WHEN (NEW.version <> 1 OR NEW.state <> ALL ('{planned}'::text[])) EXECUTE FUNCTION refuse('no row begins so');
CREATE TRIGGER "notification_move" BEFORE UPDATE ON "notification" FOR EACH ROW WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id OR OLD.state || '>' || NEW.state <> ALL ('{accepted>delivered,accepted>failed,accepted>read,delivered>read,planned>expired,planned>sending,planned>suppressed,sending>accepted,sending>failed,sending>unknown,unknown>accepted,unknown>delivered,unknown>expired,unknown>failed,unknown>sending,unknown>unknown}'::text[])) EXECUTE FUNCTION refuse('no move leads there');
ALTER TABLE "notification" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "notification_own" ON "notification" USING (tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON "notification" TO marketplace_app;


CREATE TABLE sandbox_document (
    id text COLLATE "C" NOT NULL,
    drawer text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,
    waiting text COLLATE "C",
    due_at timestamptz,
    version bigint NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    body json NOT NULL,
    CONSTRAINT sandbox_document_pkey PRIMARY KEY (id),
    CONSTRAINT sandbox_document_waits CHECK ((waiting IS NULL) = (due_at IS NULL))
);
CREATE INDEX sandbox_document_drawer ON sandbox_document (drawer, position);
CREATE INDEX sandbox_document_label ON sandbox_document (label, position);
CREATE INDEX sandbox_document_waiting ON sandbox_document (waiting, due_at, position)
    WHERE waiting IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON sandbox_document TO marketplace_app;

-- pgqueuer 1.6.0 -- prefix='' schema=None durability=durable

CREATE TYPE pgqueuer_status AS ENUM ('queued', 'picked', 'successful', 'exception', 'canceled', 'deleted', 'failed');

CREATE TABLE pgqueuer (
    id bigserial NOT NULL PRIMARY KEY,
    priority integer NOT NULL,
    queue_manager_id uuid,
    created timestamp with time zone NOT NULL DEFAULT now(),
    updated timestamp with time zone NOT NULL DEFAULT now(),
    heartbeat timestamp with time zone NOT NULL DEFAULT now(),
    execute_after timestamp with time zone NOT NULL DEFAULT now(),
    status pgqueuer_status NOT NULL,
    entrypoint text NOT NULL,
    dedupe_key text,
    payload bytea,
    headers jsonb,
    attempts integer NOT NULL DEFAULT 0,
    slot bigint
);

CREATE TABLE pgqueuer_log (
    id bigint GENERATED BY DEFAULT AS IDENTITY NOT NULL PRIMARY KEY,
    created timestamp with time zone NOT NULL DEFAULT now(),
    job_id bigint NOT NULL,
    status pgqueuer_status NOT NULL,
    priority integer NOT NULL,
    entrypoint text NOT NULL,
    traceback jsonb,
    aggregated boolean DEFAULT false
);

CREATE TABLE pgqueuer_schedules (
    id bigserial NOT NULL PRIMARY KEY,
    expression text NOT NULL,
    entrypoint text NOT NULL,
    heartbeat timestamp with time zone NOT NULL DEFAULT now(),
    created timestamp with time zone NOT NULL DEFAULT now(),
    updated timestamp with time zone NOT NULL DEFAULT now(),
    next_run timestamp with time zone NOT NULL DEFAULT now(),
    last_run timestamp with time zone,
    status pgqueuer_status DEFAULT 'queued'::pgqueuer_status,
    UNIQUE (expression, entrypoint)
);

CREATE TABLE pgqueuer_statistics (
    id bigserial NOT NULL PRIMARY KEY,
    created timestamp with time zone NOT NULL DEFAULT date_trunc('sec'::text, now()),
    count bigint NOT NULL,
    priority integer NOT NULL,
    status pgqueuer_status NOT NULL,
    entrypoint text NOT NULL
);

CREATE INDEX pgqueuer_ep_ea_idx ON pgqueuer USING btree (entrypoint, execute_after) WHERE (status = 'queued'::pgqueuer_status);

CREATE INDEX pgqueuer_ep_prio_id_idx ON pgqueuer USING btree (entrypoint, priority DESC, id) WHERE (status = 'queued'::pgqueuer_status);

CREATE INDEX pgqueuer_log_created ON pgqueuer_log USING btree (created);

CREATE INDEX pgqueuer_log_job_id_status ON pgqueuer_log USING btree (job_id, created DESC);

CREATE INDEX pgqueuer_log_not_aggregated ON pgqueuer_log USING btree ((1)) WHERE (NOT aggregated);

CREATE INDEX pgqueuer_log_status ON pgqueuer_log USING btree (status);

CREATE INDEX pgqueuer_picked_heartbeat_idx ON pgqueuer USING btree (heartbeat) WHERE (status = 'picked'::pgqueuer_status);

CREATE UNIQUE INDEX pgqueuer_picked_slot_idx ON pgqueuer USING btree (entrypoint, slot) WHERE ((status = 'picked'::pgqueuer_status) AND (slot IS NOT NULL));

CREATE INDEX pgqueuer_priority_id_id1_idx ON pgqueuer USING btree (priority, id DESC) INCLUDE (id) WHERE (status = 'queued'::pgqueuer_status);

CREATE INDEX pgqueuer_queue_manager_id_idx ON pgqueuer USING btree (queue_manager_id) WHERE (queue_manager_id IS NOT NULL);

CREATE UNIQUE INDEX pgqueuer_statistics_unique_count ON pgqueuer_statistics USING btree (priority, date_trunc('sec'::text, timezone('UTC'::text, created)), status, entrypoint);

CREATE UNIQUE INDEX pgqueuer_unique_dedupe_key ON pgqueuer USING btree (dedupe_key) WHERE ((status = ANY (ARRAY['queued'::pgqueuer_status, 'picked'::pgqueuer_status])) AND (dedupe_key IS NOT NULL));

CREATE INDEX pgqueuer_updated_id_id1_idx ON pgqueuer USING btree (updated, id DESC) INCLUDE (id) WHERE (status = 'picked'::pgqueuer_status);

CREATE FUNCTION fn_pgqueuer_changed() RETURNS TRIGGER AS $$
DECLARE
    to_emit BOOLEAN := false;  -- Flag to decide whether to emit a notification
BEGIN
    -- Check operation type and set the emit flag accordingly
    IF TG_OP = 'UPDATE' AND OLD IS DISTINCT FROM NEW THEN
        to_emit := true;
    ELSIF TG_OP = 'DELETE' THEN
        to_emit := true;
    ELSIF TG_OP = 'INSERT' THEN
        to_emit := true;
    ELSIF TG_OP = 'TRUNCATE' THEN
        to_emit := true;
    END IF;

    -- Perform notification if the emit flag is set
    IF to_emit THEN
        PERFORM pg_notify(
            'ch_pgqueuer',
            json_build_object(
                'channel', 'ch_pgqueuer',
                'operation', lower(TG_OP),
                'sent_at', NOW(),
                'table', TG_TABLE_NAME,
                'type', 'table_changed_event'
            )::text
        );
    END IF;

    -- Return appropriate value based on the operation
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSE
        RETURN NULL; -- For TRUNCATE and other non-row-specific contexts
    END IF;

END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER tg_pgqueuer_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgqueuer
EXECUTE FUNCTION fn_pgqueuer_changed();
ALTER TABLE pgqueuer SET (
    autovacuum_vacuum_scale_factor   = 0.01,
    autovacuum_vacuum_threshold      = 1000,
    autovacuum_analyze_scale_factor  = 0.02,
    autovacuum_analyze_threshold     = 500,
    autovacuum_vacuum_cost_limit     = 10000,
    autovacuum_vacuum_cost_delay     = 0,
    fillfactor                       = 70
);

ALTER TABLE pgqueuer_schedules SET (
autovacuum_vacuum_scale_factor   = 0.01,
autovacuum_vacuum_threshold      = 1000,
autovacuum_analyze_scale_factor  = 0.02,
autovacuum_analyze_threshold     = 500,
autovacuum_vacuum_cost_limit     = 10000,
autovacuum_vacuum_cost_delay     = 0,
fillfactor                       = 70
);

ALTER TABLE pgqueuer_log SET (
    autovacuum_vacuum_scale_factor   = 0.95,
    autovacuum_vacuum_threshold      = 1000000,
    autovacuum_analyze_scale_factor  = 0.05,
    autovacuum_analyze_threshold     = 10000
);

ALTER TABLE pgqueuer_statistics SET (
    autovacuum_vacuum_scale_factor   = 0.95,
    autovacuum_vacuum_threshold      = 1000000,
    autovacuum_analyze_scale_factor  = 0.05,
    autovacuum_analyze_threshold     = 10000
);

-- Whose turn it is: the tenants that wait, and the oldest job of each.
CREATE INDEX pgqueuer_turns ON pgqueuer (((headers->>'tenant')::uuid), execute_after, id)
    WHERE status = 'queued';

GRANT SELECT, INSERT, UPDATE, DELETE ON pgqueuer, pgqueuer_log, pgqueuer_schedules, pgqueuer_statistics
    TO marketplace_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO marketplace_app;
