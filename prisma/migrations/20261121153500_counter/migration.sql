-- A paired browser at the counter acts by itself: as the till or kiosk of its terminal.
ALTER TABLE "audit_entries" DROP CONSTRAINT "audit_entries_actor_check";
ALTER TABLE "audit_entries" ADD CONSTRAINT "audit_entries_actor_check" CHECK (actor_kind IN ('USER','API_KEY','DEVICE','KLARNA','SYSTEM'));
