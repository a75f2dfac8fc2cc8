-- What an import needs to be shown and run again: the names of its columns, who made it, what its rows do.
ALTER TABLE "imports" ADD COLUMN "head" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN "created_by_kind" TEXT NOT NULL DEFAULT 'USER',
ADD COLUMN "actions" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN "request_id" TEXT;
