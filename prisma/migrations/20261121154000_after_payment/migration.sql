-- Captures, changes of the amount, renewals: everything after the payment.

-- What a capture says about the goods; the delivery names a person, so it is encrypted.
ALTER TABLE "captures" ADD COLUMN "line_items" JSONB NOT NULL DEFAULT '[]';
ALTER TABLE "captures" ADD COLUMN "shipping_secret" TEXT;
-- Whoever repeats a row of a file under the same key finds what the first turn made.
ALTER TABLE "captures" ADD COLUMN "intent_key" TEXT;
ALTER TABLE "refunds" ADD COLUMN "intent_key" TEXT;
CREATE UNIQUE INDEX "captures_intent_key" ON "captures" (payment_id, intent_key)
  WHERE intent_key IS NOT NULL AND failure_code IS DISTINCT FROM 'klarna_unavailable';
CREATE UNIQUE INDEX "refunds_intent_key" ON "refunds" (payment_id, intent_key)
  WHERE intent_key IS NOT NULL AND failure_code IS DISTINCT FROM 'klarna_unavailable';

-- What a call of kind UPDATE says, so that a repeat after a crash says the same.
ALTER TABLE "klarna_operations" ADD COLUMN "intent_secret" TEXT;
ALTER TABLE "klarna_operations" DROP CONSTRAINT "klarna_operations_kind_check",
  ADD CONSTRAINT "klarna_operations_kind_check" CHECK (kind IN ('AUTHORIZE','FINAL_AUTHORIZE','CANCEL_REQUEST','CAPTURE','REFUND','VOID','LATE_VOID','LATE_REFUND','UPDATE','REAUTHORIZE')),
  ADD CONSTRAINT "klarna_operations_intent_check" CHECK ((kind = 'UPDATE') = (intent_secret IS NOT NULL));

-- When somebody was told that the authorization ends soon.
ALTER TABLE "payments" ADD COLUMN "authorization_warned_at" TIMESTAMPTZ(3);

-- The amount of a payment may be lowered, never raised. A classic payment is approved out of the customer's journey, without a
-- final call of ours.
CREATE OR REPLACE FUNCTION payments_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'payment %: version must go up by one', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.state <> OLD.state AND NOT (CASE OLD.state
    WHEN 'PROCESSING' THEN NEW.state IN ('PENDING','IN_PROGRESS','FINALIZING','AUTHORIZED','COMPLETED','DECLINED','CANCELED','EXPIRED','FAILED')
    WHEN 'PENDING' THEN NEW.state IN ('IN_PROGRESS','FINALIZING','CANCELED','EXPIRED','DECLINED','FAILED') OR (NEW.rail = 'CLASSIC' AND NEW.state IN ('AUTHORIZED','COMPLETED'))
    WHEN 'IN_PROGRESS' THEN NEW.state IN ('PENDING','FINALIZING','CANCELED','EXPIRED','DECLINED','FAILED') OR (NEW.rail = 'CLASSIC' AND NEW.state IN ('AUTHORIZED','COMPLETED'))
    WHEN 'FINALIZING' THEN NEW.state IN ('PENDING','AUTHORIZED','COMPLETED','DECLINED','FAILED','CANCELED')
    WHEN 'AUTHORIZED' THEN NEW.state IN ('COMPLETED','VOIDED','AUTHORIZATION_EXPIRED')
    WHEN 'AUTHORIZATION_EXPIRED' THEN NEW.state IN ('AUTHORIZED','COMPLETED','VOIDED')
    ELSE false END)
  THEN
    RAISE EXCEPTION 'payment %: % does not lead to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.id, NEW.partner_id, NEW.mode, NEW.currency, NEW.rail) IS DISTINCT FROM (OLD.id, OLD.partner_id, OLD.mode, OLD.currency, OLD.rail) THEN
    RAISE EXCEPTION 'payment %: identity stays as it is', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.amount > OLD.amount THEN
    RAISE EXCEPTION 'payment %: the amount is never raised', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

-- What was captured or refunded stays: a settled row is never moved, and no row changes its amount.
CREATE FUNCTION money_row_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> OLD.state AND (OLD.state IN ('SUCCEEDED','FAILED') OR NEW.state = 'PENDING') THEN
    RAISE EXCEPTION '% %: % does not lead to %', TG_TABLE_NAME, OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.id, NEW.partner_id, NEW.mode, NEW.payment_id, NEW.amount, NEW.currency) IS DISTINCT FROM
     (OLD.id, OLD.partner_id, OLD.mode, OLD.payment_id, OLD.amount, OLD.currency) THEN
    RAISE EXCEPTION '% %: identity and amount stay as they are', TG_TABLE_NAME, OLD.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER captures_guard BEFORE UPDATE ON "captures" FOR EACH ROW EXECUTE FUNCTION money_row_guard();
CREATE TRIGGER refunds_guard BEFORE UPDATE ON "refunds" FOR EACH ROW EXECUTE FUNCTION money_row_guard();

-- An expired authorization is looked at again: Klarna settles it when the time for renewing is over.
UPDATE "payments" SET next_action_at = now(), version = version + 1 WHERE state = 'AUTHORIZATION_EXPIRED' AND next_action_at IS NULL;
ALTER TABLE "payments" DROP CONSTRAINT "payments_wake_check",
  ADD CONSTRAINT "payments_wake_check" CHECK (state NOT IN ('PROCESSING','PENDING','IN_PROGRESS','FINALIZING','AUTHORIZED','AUTHORIZATION_EXPIRED') OR next_action_at IS NOT NULL);
