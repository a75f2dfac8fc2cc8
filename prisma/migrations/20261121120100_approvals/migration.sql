-- CreateTable
CREATE TABLE "approvals" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "subject_kind" TEXT NOT NULL,
    "subject_id" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "payload_hash" TEXT NOT NULL,
    "summary" TEXT NOT NULL,
    "amount" BIGINT,
    "currency" TEXT,
    "reason" TEXT,
    "requested_by" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "decided_by" TEXT,
    "decided_at" TIMESTAMPTZ(3),
    "decision_reason" TEXT,
    "executed_at" TIMESTAMPTZ(3),
    "executed_by" TEXT,
    "result_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "approvals_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "four_eyes_rules" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT,
    "refund_limits" JSONB NOT NULL DEFAULT '{}',
    "api_keys" BOOLEAN,
    "payout_data" BOOLEAN,
    "updated_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "four_eyes_rules_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "approvals_partner_id_mode_id_key" ON "approvals"("partner_id", "mode", "id");

-- CreateIndex
CREATE INDEX "approvals_mode_state_created_at_idx" ON "approvals"("mode", "state", "created_at");

-- CreateIndex
CREATE INDEX "approvals_subject_id_idx" ON "approvals"("subject_id");

-- CreateIndex
CREATE UNIQUE INDEX "four_eyes_rules_partner_id_key" ON "four_eyes_rules"("partner_id");

-- AddForeignKey
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "partners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_requested_by_fkey" FOREIGN KEY ("requested_by") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_decided_by_fkey" FOREIGN KEY ("decided_by") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "four_eyes_rules" ADD CONSTRAINT "four_eyes_rules_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "partners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What the words mean, and what the database itself holds whoever writes -----------------------------------------------
ALTER TABLE "approvals"
  ADD CONSTRAINT "approvals_mode_check" CHECK (mode IN ('test','live')),
  ADD CONSTRAINT "approvals_kind_check" CHECK (kind IN ('REFUND','API_KEY','PAYOUT_DATA')),
  ADD CONSTRAINT "approvals_state_check" CHECK (state IN ('PENDING','APPROVED','REJECTED','WITHDRAWN','EXPIRED','EXECUTED')),
  ADD CONSTRAINT "approvals_amount_check" CHECK ((amount IS NULL) = (currency IS NULL) AND (amount IS NULL OR amount > 0)),
  -- Four eyes are two people.
  ADD CONSTRAINT "approvals_decider_check" CHECK (state NOT IN ('APPROVED','EXECUTED') OR (decided_by IS NOT NULL AND decided_by <> requested_by)),
  ADD CONSTRAINT "approvals_decided_check" CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
  ADD CONSTRAINT "approvals_executed_check" CHECK ((state = 'EXECUTED') = (executed_at IS NOT NULL));
ALTER TABLE "four_eyes_rules" ADD CONSTRAINT "four_eyes_rules_id_check" CHECK (id = coalesce(partner_id, 'default'));

-- The same wish twice is one question.
CREATE UNIQUE INDEX "approvals_open_key" ON "approvals" (partner_id, mode, kind, subject_id, payload_hash) WHERE state = 'PENDING';

CREATE FUNCTION approvals_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.partner_id, NEW.mode, NEW.kind, NEW.subject_kind, NEW.subject_id, NEW.payload, NEW.payload_hash, NEW.amount, NEW.currency, NEW.requested_by, NEW.expires_at)
     IS DISTINCT FROM (OLD.id, OLD.partner_id, OLD.mode, OLD.kind, OLD.subject_kind, OLD.subject_id, OLD.payload, OLD.payload_hash, OLD.amount, OLD.currency, OLD.requested_by, OLD.expires_at) THEN
    RAISE EXCEPTION 'approval %: what was asked for stays as it is', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.state <> OLD.state AND NOT (CASE OLD.state
    WHEN 'PENDING' THEN NEW.state IN ('APPROVED','REJECTED','WITHDRAWN','EXPIRED')
    WHEN 'APPROVED' THEN NEW.state IN ('EXECUTED','EXPIRED')
    ELSE false END)
  THEN
    RAISE EXCEPTION 'approval %: % does not lead to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approvals_guard BEFORE UPDATE ON "approvals" FOR EACH ROW EXECUTE FUNCTION approvals_guard();
CREATE TRIGGER approvals_keep BEFORE DELETE ON "approvals" FOR EACH ROW EXECUTE FUNCTION append_only();
