-- A session in which one of the acquirer's people sees the screens as a Partner's person does. It hangs on the session that
-- it was begun from: without that one it is worth nothing.
ALTER TABLE "sessions" ADD COLUMN "impersonator_id" TEXT;
ALTER TABLE "sessions" ADD COLUMN "impersonator_session_id" TEXT;
ALTER TABLE "sessions" ADD COLUMN "impersonation_reason" TEXT;
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_impersonation_check" CHECK (
    num_nonnulls("impersonator_id", "impersonator_session_id", "impersonation_reason") IN (0, 3)
    AND "impersonator_id" IS DISTINCT FROM "user_id"
    AND "impersonator_session_id" IS DISTINCT FROM "id"
);
CREATE INDEX "sessions_impersonator_session_id_idx" ON "sessions"("impersonator_session_id");
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_impersonator_id_fkey" FOREIGN KEY ("impersonator_id") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_impersonator_session_id_fkey" FOREIGN KEY ("impersonator_session_id") REFERENCES "sessions"("id") ON DELETE CASCADE ON UPDATE CASCADE;
