-- What Klarna tells us can be replayed, and what it caused can be found: state changes name the request or inbox event
-- behind them. Signing keys have an age, a last use and a planned end, so that one can follow the other.

ALTER TABLE "inbox_events" ADD COLUMN "unhandled" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN "replays" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "replayed_at" TIMESTAMPTZ(3);

ALTER TABLE "outbox_events" ADD COLUMN "request_id" TEXT;

ALTER TABLE "klarna_signing_keys" ADD COLUMN "source" TEXT NOT NULL DEFAULT 'KLARNA',
ADD COLUMN "created_by" TEXT,
ADD COLUMN "last_used_at" TIMESTAMPTZ(3),
ADD COLUMN "retire_at" TIMESTAMPTZ(3),
ADD COLUMN "retired_by" TEXT;

CREATE TABLE "klarna_subscriptions" (
    "mode" TEXT NOT NULL,
    "verdict" TEXT NOT NULL DEFAULT 'UNKNOWN',
    "webhook_id" TEXT,
    "signing_key_id" TEXT,
    "detail" TEXT,
    "checked_at" TIMESTAMPTZ(3),
    "lease_until" TIMESTAMPTZ(3),

    CONSTRAINT "klarna_subscriptions_pkey" PRIMARY KEY ("mode")
);

CREATE TABLE "klarna_sweeps" (
    "id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "started_by" TEXT NOT NULL,
    "results" JSONB NOT NULL DEFAULT '[]',
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "klarna_sweeps_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "invariant_checks" (
    "id" TEXT NOT NULL,
    "checked_by" TEXT NOT NULL,
    "broken" INTEGER NOT NULL,
    "results" JSONB NOT NULL,
    "checked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "invariant_checks_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "klarna_sweeps_mode_started_at_idx" ON "klarna_sweeps"("mode", "started_at");
CREATE INDEX "invariant_checks_checked_at_idx" ON "invariant_checks"("checked_at");

-- Rules and indexes that Prisma's schema cannot say.
ALTER TABLE "klarna_subscriptions" ADD CONSTRAINT "klarna_subscriptions_mode_check" CHECK (mode IN ('test','live')),
  ADD CONSTRAINT "klarna_subscriptions_verdict_check" CHECK (verdict IN ('UNKNOWN','IN_ORDER','DIFFERS','MISSING','UNREACHABLE'));
ALTER TABLE "klarna_sweeps" ADD CONSTRAINT "klarna_sweeps_mode_check" CHECK (mode IN ('test','live'));
ALTER TABLE "klarna_signing_keys" ADD CONSTRAINT "klarna_signing_keys_source_check" CHECK (source IN ('KLARNA','HAND')),
  ADD CONSTRAINT "klarna_signing_keys_retired_check" CHECK ((state = 'RETIRED') = (retired_at IS NOT NULL));
-- Few rows are in these, and a new event is in neither: receiving stays as cheap as it was.
CREATE INDEX "inbox_events_stuck_idx" ON "inbox_events" (mode, state, received_at) WHERE state IN ('PARKED','FAILED');
CREATE INDEX "inbox_events_unhandled_idx" ON "inbox_events" (mode, event_type) WHERE unhandled;
