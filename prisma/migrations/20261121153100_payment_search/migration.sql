-- The list of payments is searched by whatever somebody holds in the hand: each kind of identifier has a way to its row.

-- The start of a reference, in any case.
CREATE INDEX "payments_reference_start_idx" ON "payments" (mode, lower(reference) text_pattern_ops);
-- An exact amount.
CREATE INDEX "payments_mode_amount_idx" ON "payments"("mode", "amount");
-- A value of the metadata, whatever it is called. Most payments have none and cost nothing here.
CREATE INDEX "payments_metadata_idx" ON "payments" USING GIN (metadata) WHERE metadata <> '{}'::jsonb;
CREATE INDEX "payments_late_transaction_idx" ON "payments" (late_transaction_id) WHERE late_transaction_id IS NOT NULL;
-- What ends soon.
CREATE INDEX "payments_authorization_end_idx" ON "payments" (mode, authorization_expires_at) WHERE state = 'AUTHORIZED';

CREATE INDEX "captures_klarna_idx" ON "captures" (klarna_payment_capture_id) WHERE klarna_payment_capture_id IS NOT NULL;
CREATE INDEX "captures_reference_idx" ON "captures" (mode, reference) WHERE reference IS NOT NULL;
CREATE INDEX "refunds_klarna_idx" ON "refunds" (klarna_payment_refund_id) WHERE klarna_payment_refund_id IS NOT NULL;
CREATE INDEX "refunds_reference_idx" ON "refunds" (mode, reference) WHERE reference IS NOT NULL;
