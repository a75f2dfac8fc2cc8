-- Mails to people: written with the change that they tell of, sent afterwards, or kept when no mail server is set.
CREATE TABLE "mails" (
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "partner_id" TEXT,
    "to_address" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "body_secret" TEXT,
    "holds_link" BOOLEAN NOT NULL DEFAULT false,
    "state" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3),
    "not_after" TIMESTAMPTZ(3),
    "failure" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sent_at" TIMESTAMPTZ(3),

    CONSTRAINT "mails_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "mails_created_at_id_idx" ON "mails"("created_at", "id");
ALTER TABLE "mails" ADD CONSTRAINT "mails_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "partners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "mails" ADD CONSTRAINT "mails_state_check" CHECK (state IN ('QUEUED', 'SENT', 'KEPT', 'FAILED'));
CREATE INDEX "mails_wake_idx" ON "mails" (next_attempt_at) WHERE state = 'QUEUED';
