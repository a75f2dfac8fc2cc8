-- Klarna remembers a refusal under its key: what is tried again later, when the reason has gone, goes out under a new one.
ALTER TABLE "klarna_changes" ADD COLUMN "refusals" INTEGER NOT NULL DEFAULT 0;
