-- Open classic sessions by their next turn: they are asked about each second or two, beside all other payments.
CREATE INDEX "payments_classic_turn_idx" ON "payments" ("next_action_at") WHERE rail = 'CLASSIC' AND next_action_at IS NOT NULL;
