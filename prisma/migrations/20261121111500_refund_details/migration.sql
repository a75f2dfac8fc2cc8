-- What a return names besides its amount: the lines given back, and the store and terminal where it was taken.
ALTER TABLE "refunds" ADD COLUMN "line_items" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN "store_id" TEXT,
ADD COLUMN "terminal_id" TEXT;

ALTER TABLE "refunds" ADD CONSTRAINT "refunds_partner_id_mode_store_id_fkey" FOREIGN KEY ("partner_id", "mode", "store_id") REFERENCES "stores"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "refunds" ADD CONSTRAINT "refunds_partner_id_mode_terminal_id_fkey" FOREIGN KEY ("partner_id", "mode", "terminal_id") REFERENCES "terminals"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;
