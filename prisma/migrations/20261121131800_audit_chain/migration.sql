-- The audit becomes a chain: each seal covers one entry and the seal before it.
-- CreateTable
CREATE TABLE "audit_seals" (
    "sequence" BIGINT NOT NULL,
    "position" BIGINT NOT NULL,
    "entry_id" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "sealed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "audit_seals_pkey" PRIMARY KEY ("sequence")
);

-- CreateTable
CREATE TABLE "audit_lines" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "floor" BIGINT NOT NULL DEFAULT 0,
    "candidate" BIGINT,
    "candidate_writers" TEXT,

    CONSTRAINT "audit_lines_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_checks" (
    "id" TEXT NOT NULL,
    "checked_by" TEXT NOT NULL,
    "entries" BIGINT NOT NULL,
    "head_sequence" BIGINT NOT NULL,
    "head_hash" TEXT NOT NULL,
    "anchors" INTEGER NOT NULL,
    "problem_count" INTEGER NOT NULL,
    "problems" JSONB NOT NULL,
    "duration_ms" INTEGER NOT NULL,
    "checked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "audit_checks_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "audit_seals_position_key" ON "audit_seals"("position");

-- CreateIndex
CREATE INDEX "audit_checks_checked_at_idx" ON "audit_checks"("checked_at");

ALTER TABLE "audit_lines" ADD CONSTRAINT "audit_lines_one_check" CHECK (id = 1);
ALTER TABLE "audit_seals"
  ADD CONSTRAINT "audit_seals_sequence_check" CHECK (sequence > 0),
  ADD CONSTRAINT "audit_seals_hash_check" CHECK (hash ~ '^[0-9a-f]{64}$');
INSERT INTO "audit_lines" ("id") VALUES (1);

CREATE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE ON "audit_seals" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER audit_checks_append_only BEFORE UPDATE OR DELETE ON "audit_checks" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER audit_seals_no_truncate BEFORE TRUNCATE ON "audit_seals" FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON "audit_entries" FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- What one person did, among all that keys and jobs do.
-- CreateIndex
CREATE INDEX "audit_entries_actor_id_position_idx" ON "audit_entries"("actor_id", "position");
