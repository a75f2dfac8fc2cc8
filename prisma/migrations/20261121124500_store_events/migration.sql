-- Events of a store count from 1, and each store is announced once when Klarna has given it an id.
ALTER TABLE "stores" ADD COLUMN "event_sequence" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "announced_at" TIMESTAMPTZ(3);
UPDATE "stores" SET "announced_at" = "updated_at" WHERE "klarna_store_id" IS NOT NULL;
CREATE INDEX "stores_unannounced_idx" ON "stores" (id) WHERE klarna_store_id IS NOT NULL AND announced_at IS NULL AND status <> 'DRAFT';

-- The terminals of one store, whoever's it is.
CREATE INDEX "terminals_store_id_idx" ON "terminals"("store_id");
