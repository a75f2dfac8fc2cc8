-- CreateTable
CREATE TABLE "roles" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "audience" TEXT NOT NULL,
    "partner_id" TEXT,
    "permissions" TEXT[],
    "created_by" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "roles_pkey" PRIMARY KEY ("id")
);

-- AlterTable
ALTER TABLE "users" ALTER COLUMN "password_hash" DROP NOT NULL,
    ADD COLUMN "invited_at" TIMESTAMPTZ(3),
    ADD COLUMN "invited_by" TEXT;

-- CreateIndex
CREATE INDEX "roles_partner_id_idx" ON "roles"("partner_id");

-- CreateIndex
CREATE INDEX "users_role_idx" ON "users"("role");

-- AddForeignKey
ALTER TABLE "roles" ADD CONSTRAINT "roles_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "partners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- The roles that every installation has: their permissions stand in the code's own table. Those that people make follow.
INSERT INTO "roles" ("id", "name", "audience", "permissions") VALUES
  ('ACQUIRER_ADMIN', 'Acquirer admin', 'ACQUIRER', '{}'),
  ('ACQUIRER_OPERATIONS', 'Acquirer operations', 'ACQUIRER', '{}'),
  ('ACQUIRER_FINANCE', 'Acquirer finance', 'ACQUIRER', '{}'),
  ('READ_ONLY', 'Read only', 'ACQUIRER', '{}'),
  ('PARTNER_ADMIN', 'Partner admin', 'PARTNER', '{}'),
  ('PARTNER_STAFF', 'Partner staff', 'PARTNER', '{}');

ALTER TABLE "roles"
  ADD CONSTRAINT "roles_audience_check" CHECK (audience IN ('ACQUIRER','PARTNER')),
  ADD CONSTRAINT "roles_partner_check" CHECK (partner_id IS NULL OR audience = 'PARTNER');
-- One name means one role among those that a person can choose from.
CREATE UNIQUE INDEX "roles_shared_name_key" ON "roles" (lower(name)) WHERE partner_id IS NULL;
CREATE UNIQUE INDEX "roles_partner_name_key" ON "roles" (partner_id, lower(name)) WHERE partner_id IS NOT NULL;

-- AddForeignKey
ALTER TABLE "users" ADD CONSTRAINT "users_role_fkey" FOREIGN KEY ("role") REFERENCES "roles"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- A person is invited before there is a password; an invitation that was taken back leaves the person nowhere.
ALTER TABLE "users"
  DROP CONSTRAINT "users_role_check",
  DROP CONSTRAINT "users_state_check",
  ADD CONSTRAINT "users_state_check" CHECK (state IN ('INVITED','ACTIVE','DISABLED','WITHDRAWN'));
