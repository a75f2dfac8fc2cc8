-- What went out at each try: where to, and a hash that tells whether the body can still be made exactly as it was.
ALTER TABLE "webhook_attempts" ADD COLUMN "url" TEXT, ADD COLUMN "body_hash" BYTEA;

-- A replay starts the schedule of tries anew: how many were made before it.
ALTER TABLE "webhook_deliveries" ADD COLUMN "schedule_base" INTEGER NOT NULL DEFAULT 0;
CREATE INDEX "webhook_deliveries_failed_idx" ON "webhook_deliveries" (endpoint_id, created_at, id) WHERE state = 'FAILED';

-- An endpoint that was switched off and whose owner is not told yet.
ALTER TABLE "webhook_endpoints" ADD COLUMN "notice_due_at" TIMESTAMPTZ(3);
CREATE INDEX "webhook_endpoints_notice_idx" ON "webhook_endpoints" (notice_due_at) WHERE notice_due_at IS NOT NULL;

-- Many deliveries sent once more, worked off in batches: the cursor and what it passed commit together.
CREATE TABLE "webhook_replays" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "endpoint_id" TEXT,
    "statuses" TEXT[],
    "event_types" TEXT[],
    "created_from" TIMESTAMPTZ(3),
    "created_to" TIMESTAMPTZ(3),
    "state" TEXT NOT NULL DEFAULT 'RUNNING',
    "expected" INTEGER NOT NULL,
    "replayed" INTEGER NOT NULL DEFAULT 0,
    "skipped" INTEGER NOT NULL DEFAULT 0,
    "cursor_created_at" TIMESTAMPTZ(3),
    "cursor_id" TEXT,
    "requested_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "webhook_replays_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "webhook_replays_partner_id_mode_id_key" ON "webhook_replays"("partner_id", "mode", "id");
CREATE INDEX "webhook_replays_partner_id_mode_created_at_id_idx" ON "webhook_replays"("partner_id", "mode", "created_at", "id");
CREATE INDEX "webhook_replays_running_idx" ON "webhook_replays" (updated_at) WHERE state = 'RUNNING';
ALTER TABLE "webhook_replays" ADD CONSTRAINT "webhook_replays_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "webhook_replays" ADD CONSTRAINT "webhook_replays_partner_id_mode_endpoint_id_fkey" FOREIGN KEY ("partner_id", "mode", "endpoint_id") REFERENCES "webhook_endpoints"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "webhook_replays"
  ADD CONSTRAINT "webhook_replays_mode_check" CHECK (mode IN ('test','live')),
  ADD CONSTRAINT "webhook_replays_state_check" CHECK (state IN ('RUNNING','DONE')),
  ADD CONSTRAINT "webhook_replays_done_check" CHECK ((state = 'DONE') = (finished_at IS NOT NULL)),
  ADD CONSTRAINT "webhook_replays_statuses_check" CHECK (statuses <@ ARRAY['DELIVERED','FAILED']);
