-- Lists that are filtered to a part of all terminals or stores count and read that part only.
CREATE INDEX "terminals_mode_device_created_at_id_idx" ON "terminals"("mode", "device", "created_at", "id");
CREATE INDEX "stores_mode_country_created_at_id_idx" ON "stores"("mode", "country", "created_at", "id");
