-- In-store payments by Klarna's classic sessions beside those of the Klarna Network.

-- Which of Klarna's interfaces a payment goes through, for its whole life.
ALTER TABLE "payments" ADD COLUMN "rail" TEXT NOT NULL DEFAULT 'NETWORK';
-- What a classic payment needs beside the common columns: see ClassicFacts of the domain.
ALTER TABLE "payments" ADD COLUMN "classic" JSONB;
-- The short reference that Klarna prints on the customer's papers.
ALTER TABLE "payments" ADD COLUMN "klarna_reference" TEXT;

ALTER TABLE "payments"
  ADD CONSTRAINT "payments_rail_check" CHECK (rail IN ('NETWORK','CLASSIC')),
  ADD CONSTRAINT "payments_classic_check" CHECK ((rail = 'CLASSIC') = (classic IS NOT NULL));

CREATE INDEX "payments_klarna_reference_idx" ON "payments" ("klarna_reference") WHERE klarna_reference IS NOT NULL;

-- User and password of a Partner at Klarna's classic interface, one for each mode.
CREATE TABLE "classic_credentials" (
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "region" TEXT NOT NULL,
    "username" TEXT NOT NULL,
    "password_secret" TEXT NOT NULL,
    "refused_at" TIMESTAMPTZ(3),
    "updated_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "classic_credentials_pkey" PRIMARY KEY ("partner_id","mode")
);
ALTER TABLE "classic_credentials"
  ADD CONSTRAINT "classic_credentials_mode_check" CHECK (mode IN ('test','live')),
  ADD CONSTRAINT "classic_credentials_region_check" CHECK (region IN ('EU','NA','OC'));
ALTER TABLE "classic_credentials" ADD CONSTRAINT "classic_credentials_partner_id_mode_fkey"
  FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;
