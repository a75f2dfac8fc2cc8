-- Captures and refunds of many payments at once: what each row would do, did, or why it did not.

CREATE TABLE "bulk_runs" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'CHECKED',
    "file_name" TEXT,
    "row_count" INTEGER NOT NULL,
    "note" TEXT,
    "created_by" TEXT NOT NULL,
    "request_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "lease_until" TIMESTAMPTZ(3),

    CONSTRAINT "bulk_runs_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "bulk_runs_partner_id_mode_id_key" ON "bulk_runs"("partner_id", "mode", "id");
CREATE INDEX "bulk_runs_mode_created_at_id_idx" ON "bulk_runs"("mode", "created_at", "id");
CREATE INDEX "bulk_runs_partner_id_mode_created_at_idx" ON "bulk_runs"("partner_id", "mode", "created_at");
CREATE INDEX "bulk_runs_running_idx" ON "bulk_runs" (updated_at) WHERE state = 'RUNNING';
ALTER TABLE "bulk_runs" ADD CONSTRAINT "bulk_runs_partner_id_mode_fkey"
  FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "bulk_runs"
  ADD CONSTRAINT "bulk_runs_kind_check" CHECK (kind IN ('CAPTURE','REFUND')),
  ADD CONSTRAINT "bulk_runs_source_check" CHECK (source IN ('SELECTION','FILE')),
  ADD CONSTRAINT "bulk_runs_state_check" CHECK (state IN ('CHECKED','RUNNING','DONE','CANCELED'));

CREATE TABLE "bulk_rows" (
    "run_id" TEXT NOT NULL,
    "row_number" INTEGER NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "given" TEXT NOT NULL,
    "payment_id" TEXT,
    "capture_id" TEXT,
    "amount" BIGINT,
    "currency" TEXT,
    "reference" TEXT,
    "reason" TEXT,
    "needs_approval" BOOLEAN NOT NULL DEFAULT false,
    "intent_key" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "result_id" TEXT,
    "problem" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "bulk_rows_pkey" PRIMARY KEY ("run_id","row_number")
);
CREATE INDEX "bulk_rows_run_id_state_row_number_idx" ON "bulk_rows"("run_id", "state", "row_number");
CREATE INDEX "bulk_rows_partner_id_mode_payment_id_idx" ON "bulk_rows"("partner_id", "mode", "payment_id");
-- What was asked for once is not asked for again, by whichever run: a row that failed for good gives its intent back.
CREATE UNIQUE INDEX "bulk_rows_intent_key" ON "bulk_rows" (partner_id, mode, intent_key)
  WHERE state IN ('ASKING','WAITING','APPROVAL','DONE');
-- What is not decided yet is looked at again.
CREATE INDEX "bulk_rows_open_idx" ON "bulk_rows" (run_id) WHERE state IN ('WAITING','APPROVAL');
ALTER TABLE "bulk_rows" ADD CONSTRAINT "bulk_rows_partner_id_mode_run_id_fkey"
  FOREIGN KEY ("partner_id", "mode", "run_id") REFERENCES "bulk_runs"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "bulk_rows" ADD CONSTRAINT "bulk_rows_partner_id_mode_payment_id_fkey"
  FOREIGN KEY ("partner_id", "mode", "payment_id") REFERENCES "payments"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "bulk_rows"
  ADD CONSTRAINT "bulk_rows_state_check" CHECK (state IN ('INVALID','SKIPPED','READY','ASKING','WAITING','APPROVAL','DONE','FAILED'));
