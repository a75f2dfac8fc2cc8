-- Whose turn it is among the pending deliveries of one subject. Led by the subject, which few rows share, so that the
-- question costs the same whatever an endpoint is owed.
CREATE INDEX "webhook_deliveries_turn_idx" ON "webhook_deliveries" (subject_id, sequence) WHERE state = 'PENDING';
DROP INDEX "webhook_deliveries_order_idx";

-- A queue: most rows of a day change twice and then rest. Cleaned and measured often, so that plans fit what is owed now.
ALTER TABLE "webhook_deliveries" SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
