-- The intent to have a signing key made is written before Klarna is asked: asked again with the same idempotency key,
-- Klarna answers with the same key, so that a lost answer leaves no key behind that nobody knows.
ALTER TABLE "klarna_subscriptions" ADD COLUMN "key_request_id" TEXT,
ADD COLUMN "key_requested_at" TIMESTAMPTZ(3);
