-- Keys of the acquirer's own systems: of no Partner, over all of them in one mode.
-- CreateTable
CREATE TABLE "acquirer_keys" (
    "id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" TEXT NOT NULL,
    "secret_hint" TEXT NOT NULL,
    "scopes" TEXT[],
    "addresses" TEXT[],
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "acquirer_keys_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "acquirer_keys_secret_hash_key" ON "acquirer_keys"("secret_hash");

-- CreateIndex
CREATE INDEX "acquirer_keys_mode_created_at_idx" ON "acquirer_keys"("mode", "created_at");

ALTER TABLE "acquirer_keys" ADD CONSTRAINT "acquirer_keys_mode_check" CHECK (mode IN ('test','live'));
