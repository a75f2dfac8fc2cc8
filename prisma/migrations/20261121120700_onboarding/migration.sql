-- Onboarding, keeping in step with Klarna, stores and terminals, credentials, imports, saved views.
-- What was registered before has no reference of ours: its id stands in.
-- AlterTable
ALTER TABLE "brands" ADD COLUMN     "data_problem" TEXT,
ADD COLUMN     "data_state" TEXT NOT NULL DEFAULT 'UNKNOWN',
ADD COLUMN     "feature_image_url" TEXT,
ADD COLUMN     "icon_url" TEXT,
ADD COLUMN     "klarna_brand_id" TEXT,
ADD COLUMN     "logo_url" TEXT,
ADD COLUMN     "reference" TEXT,
ADD COLUMN     "status" TEXT NOT NULL DEFAULT 'ACTIVE',
ADD COLUMN     "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;
UPDATE "brands" SET "reference" = "id";
ALTER TABLE "brands" ALTER COLUMN "reference" SET NOT NULL;

-- AlterTable
ALTER TABLE "business_entities" ADD COLUMN     "entity_type" TEXT,
ADD COLUMN     "klarna_business_entity_id" TEXT,
ADD COLUMN     "licence_number" TEXT,
ADD COLUMN     "operating_addresses" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "payout_hint" TEXT,
ADD COLUMN     "payout_secret" TEXT,
ADD COLUMN     "reference" TEXT,
ADD COLUMN     "registration_authority" TEXT,
ADD COLUMN     "tax_number" TEXT,
ADD COLUMN     "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1,
ALTER COLUMN "registration_number" DROP NOT NULL,
ALTER COLUMN "address" DROP NOT NULL;
UPDATE "business_entities" SET "reference" = "id";
ALTER TABLE "business_entities" ALTER COLUMN "reference" SET NOT NULL;

-- AlterTable
ALTER TABLE "partner_accounts" ADD COLUMN     "account_name" TEXT,
ADD COLUMN     "contact_secret" TEXT,
ADD COLUMN     "drift_checked_at" TIMESTAMPTZ(3),
ADD COLUMN     "event_sequence" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "klarna_free_at" TIMESTAMPTZ(3),
ADD COLUMN     "klarna_product_id" TEXT,
ADD COLUMN     "next_read_at" TIMESTAMPTZ(3),
ADD COLUMN     "onboarded_at" TIMESTAMPTZ(3),
ADD COLUMN     "operational_at" TIMESTAMPTZ(3),
ADD COLUMN     "payment_profile_id" TEXT,
ADD COLUMN     "product_changed_at" TIMESTAMPTZ(3),
ADD COLUMN     "product_changed_by" TEXT,
ADD COLUMN     "product_wanted" TEXT NOT NULL DEFAULT 'ENABLED',
ADD COLUMN     "relationships" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "settings" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1,
ALTER COLUMN "klarna_partner_account_id" DROP NOT NULL;

-- AlterTable
ALTER TABLE "partners" ADD COLUMN     "search_text" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "state_reason" TEXT,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- AlterTable
ALTER TABLE "store_groups" ADD COLUMN     "klarna_store_group_id" TEXT,
ADD COLUMN     "reference" TEXT,
ADD COLUMN     "social_links" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "status" TEXT NOT NULL DEFAULT 'ACTIVE',
ADD COLUMN     "support_email" TEXT,
ADD COLUMN     "support_phone" TEXT,
ADD COLUMN     "support_url" TEXT,
ADD COLUMN     "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;
UPDATE "store_groups" SET "reference" = "id";
ALTER TABLE "store_groups" ALTER COLUMN "reference" SET NOT NULL;

-- AlterTable
ALTER TABLE "stores" ADD COLUMN     "app_bundle_names" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "app_platform" TEXT,
ADD COLUMN     "archived_at" TIMESTAMPTZ(3),
ADD COLUMN     "opening_state" TEXT NOT NULL DEFAULT 'OPEN',
ADD COLUMN     "search_text" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "settings" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "support_email" TEXT,
ADD COLUMN     "support_phone" TEXT,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- AlterTable
ALTER TABLE "terminals" ADD COLUMN     "archived_at" TIMESTAMPTZ(3),
ADD COLUMN     "search_text" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "settings" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- CreateTable
CREATE TABLE "onboardings" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'DRAFT',
    "version" INTEGER NOT NULL DEFAULT 1,
    "partner_may_edit" BOOLEAN NOT NULL DEFAULT false,
    "field_errors" JSONB NOT NULL DEFAULT '[]',
    "reject_reason" TEXT,
    "requested_at" TIMESTAMPTZ(3),
    "requested_from" TEXT,
    "submitted_by" TEXT,
    "submitted_at" TIMESTAMPTZ(3),
    "decided_by" TEXT,
    "decided_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "onboardings_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "stakeholders" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "business_entity_id" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "roles" TEXT[],
    "person_secret" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "stakeholders_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "payment_accounts" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "reference" TEXT NOT NULL,
    "klarna_payment_account_id" TEXT,
    "acquiring_account_id" TEXT NOT NULL,
    "category_code" TEXT NOT NULL,
    "business_entity_id" TEXT NOT NULL,
    "store_group_id" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'DRAFT',
    "is_default" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "payment_accounts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "terminal_moves" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "terminal_id" TEXT NOT NULL,
    "from_store_id" TEXT NOT NULL,
    "to_store_id" TEXT NOT NULL,
    "reason" TEXT,
    "moved_by" TEXT NOT NULL,
    "moved_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "terminal_moves_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "pairing_codes" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "terminal_id" TEXT NOT NULL,
    "code_hash" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "pairing_codes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "paired_devices" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "terminal_id" TEXT NOT NULL,
    "token_hash" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "user_agent" TEXT,
    "address" TEXT,
    "paired_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "revoked_by" TEXT,

    CONSTRAINT "paired_devices_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "saved_views" (
    "id" TEXT NOT NULL,
    "owner_id" TEXT NOT NULL,
    "screen" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "query" TEXT NOT NULL,
    "is_shared" BOOLEAN NOT NULL DEFAULT false,
    "partner_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "saved_views_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "imports" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT,
    "mode" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'UPLOADED',
    "file_name" TEXT NOT NULL,
    "file_bytes" INTEGER NOT NULL,
    "columns" JSONB NOT NULL DEFAULT '{}',
    "defaults" JSONB NOT NULL DEFAULT '{}',
    "row_count" INTEGER NOT NULL DEFAULT 0,
    "valid_count" INTEGER NOT NULL DEFAULT 0,
    "invalid_count" INTEGER NOT NULL DEFAULT 0,
    "done_count" INTEGER NOT NULL DEFAULT 0,
    "failed_count" INTEGER NOT NULL DEFAULT 0,
    "error" TEXT,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "lease_until" TIMESTAMPTZ(3),

    CONSTRAINT "imports_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "import_rows" (
    "import_id" TEXT NOT NULL,
    "row_number" INTEGER NOT NULL,
    "data_secret" TEXT NOT NULL,
    "reference" TEXT,
    "errors" JSONB NOT NULL DEFAULT '[]',
    "state" TEXT NOT NULL DEFAULT 'PENDING',
    "action" TEXT,
    "resource_id" TEXT,

    CONSTRAINT "import_rows_pkey" PRIMARY KEY ("import_id","row_number")
);

-- CreateTable
CREATE TABLE "compliance_decisions" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "klarna_decision_id" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "decided_at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "state" TEXT NOT NULL DEFAULT 'OPEN',
    "action" TEXT,
    "handled_by" TEXT,
    "handled_at" TIMESTAMPTZ(3),

    CONSTRAINT "compliance_decisions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "account_state_changes" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "what" TEXT NOT NULL,
    "subject_id" TEXT NOT NULL,
    "from_state" TEXT,
    "to_state" TEXT NOT NULL,
    "made_by" TEXT NOT NULL,
    "actor_id" TEXT NOT NULL,
    "reason" TEXT,
    "klarna_decision_id" TEXT,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "account_state_changes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "klarna_credentials" (
    "id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "klarna_credential_id" TEXT,
    "secret" TEXT,
    "hint" TEXT,
    "domains" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "certificate" TEXT,
    "certificate_request" TEXT,
    "fingerprint" TEXT,
    "state" TEXT NOT NULL,
    "replaces_id" TEXT,
    "expires_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "activated_at" TIMESTAMPTZ(3),
    "disabled_at" TIMESTAMPTZ(3),
    "disabled_by" TEXT,

    CONSTRAINT "klarna_credentials_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "klarna_access" (
    "mode" TEXT NOT NULL,
    "ip_mode" TEXT NOT NULL DEFAULT 'NOT_ENABLED',
    "ip_addresses" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "ip_read_at" TIMESTAMPTZ(3),
    "mtls_enforced_from" TIMESTAMPTZ(3),
    "last_ip_status" TEXT,
    "last_ip_status_at" TIMESTAMPTZ(3),
    "last_mtls_status" TEXT,
    "last_mtls_status_at" TIMESTAMPTZ(3),
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "klarna_access_pkey" PRIMARY KEY ("mode")
);

-- CreateTable
CREATE TABLE "portal_grants" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "user_id" TEXT,
    "email" TEXT NOT NULL,
    "roles" TEXT[],
    "klarna_user_id" TEXT,
    "token_id" TEXT,
    "state" TEXT NOT NULL,
    "granted_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revoked_at" TIMESTAMPTZ(3),
    "revoked_by" TEXT,

    CONSTRAINT "portal_grants_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "klarna_changes" (
    "id" TEXT NOT NULL,
    "position" BIGSERIAL NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "lane" TEXT NOT NULL DEFAULT 'DATA',
    "kind" TEXT NOT NULL,
    "subject_kind" TEXT NOT NULL,
    "subject_id" TEXT NOT NULL,
    "payload_secret" TEXT NOT NULL,
    "fields" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "state" TEXT NOT NULL DEFAULT 'PENDING',
    "idempotency_key" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,
    "first_sent_at" TIMESTAMPTZ(3),
    "klarna_error_code" TEXT,
    "klarna_error_id" TEXT,
    "problems" JSONB NOT NULL DEFAULT '[]',
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMPTZ(3),

    CONSTRAINT "klarna_changes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "klarna_change_calls" (
    "id" BIGSERIAL NOT NULL,
    "change_id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "attempt" INTEGER NOT NULL,
    "outcome" TEXT NOT NULL,
    "method" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "http_status" INTEGER,
    "request" JSONB,
    "response" JSONB,
    "klarna_correlation_id" TEXT,
    "klarna_error_id" TEXT,
    "duration_ms" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "klarna_change_calls_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "drift_findings" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "subject_kind" TEXT NOT NULL,
    "subject_id" TEXT NOT NULL,
    "field" TEXT NOT NULL,
    "values_secret" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'OPEN',
    "found_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "resolved_at" TIMESTAMPTZ(3),
    "resolved_by" TEXT,

    CONSTRAINT "drift_findings_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "onboardings_mode_state_created_at_idx" ON "onboardings"("mode", "state", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "onboardings_partner_id_mode_key" ON "onboardings"("partner_id", "mode");

-- CreateIndex
CREATE UNIQUE INDEX "onboardings_partner_id_mode_id_key" ON "onboardings"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "stakeholders_partner_id_mode_id_key" ON "stakeholders"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "stakeholders_business_entity_id_position_key" ON "stakeholders"("business_entity_id", "position");

-- CreateIndex
CREATE INDEX "payment_accounts_partner_id_mode_idx" ON "payment_accounts"("partner_id", "mode");

-- CreateIndex
CREATE UNIQUE INDEX "payment_accounts_partner_id_mode_id_key" ON "payment_accounts"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "payment_accounts_mode_reference_key" ON "payment_accounts"("mode", "reference");

-- CreateIndex
CREATE INDEX "terminal_moves_partner_id_mode_terminal_id_moved_at_idx" ON "terminal_moves"("partner_id", "mode", "terminal_id", "moved_at");

-- CreateIndex
CREATE UNIQUE INDEX "terminal_moves_partner_id_mode_id_key" ON "terminal_moves"("partner_id", "mode", "id");

-- CreateIndex
CREATE INDEX "pairing_codes_partner_id_mode_terminal_id_idx" ON "pairing_codes"("partner_id", "mode", "terminal_id");

-- CreateIndex
CREATE INDEX "pairing_codes_expires_at_idx" ON "pairing_codes"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "pairing_codes_partner_id_mode_id_key" ON "pairing_codes"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "paired_devices_token_hash_key" ON "paired_devices"("token_hash");

-- CreateIndex
CREATE INDEX "paired_devices_partner_id_mode_terminal_id_idx" ON "paired_devices"("partner_id", "mode", "terminal_id");

-- CreateIndex
CREATE UNIQUE INDEX "paired_devices_partner_id_mode_id_key" ON "paired_devices"("partner_id", "mode", "id");

-- CreateIndex
CREATE INDEX "saved_views_screen_is_shared_idx" ON "saved_views"("screen", "is_shared");

-- CreateIndex
CREATE UNIQUE INDEX "saved_views_owner_id_screen_name_key" ON "saved_views"("owner_id", "screen", "name");

-- CreateIndex
CREATE INDEX "imports_mode_created_at_id_idx" ON "imports"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "imports_partner_id_mode_created_at_idx" ON "imports"("partner_id", "mode", "created_at");

-- CreateIndex
CREATE INDEX "import_rows_import_id_state_row_number_idx" ON "import_rows"("import_id", "state", "row_number");

-- CreateIndex
CREATE INDEX "compliance_decisions_mode_state_decided_at_idx" ON "compliance_decisions"("mode", "state", "decided_at");

-- CreateIndex
CREATE UNIQUE INDEX "compliance_decisions_partner_id_mode_id_key" ON "compliance_decisions"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "compliance_decisions_mode_klarna_decision_id_key" ON "compliance_decisions"("mode", "klarna_decision_id");

-- CreateIndex
CREATE INDEX "account_state_changes_partner_id_mode_created_at_idx" ON "account_state_changes"("partner_id", "mode", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "account_state_changes_partner_id_mode_id_key" ON "account_state_changes"("partner_id", "mode", "id");

-- CreateIndex
CREATE INDEX "klarna_credentials_mode_kind_state_idx" ON "klarna_credentials"("mode", "kind", "state");

-- CreateIndex
CREATE UNIQUE INDEX "klarna_credentials_mode_klarna_credential_id_key" ON "klarna_credentials"("mode", "klarna_credential_id");

-- CreateIndex
CREATE INDEX "portal_grants_partner_id_mode_created_at_idx" ON "portal_grants"("partner_id", "mode", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "portal_grants_partner_id_mode_id_key" ON "portal_grants"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "portal_grants_token_id_key" ON "portal_grants"("token_id");

-- CreateIndex
CREATE UNIQUE INDEX "klarna_changes_position_key" ON "klarna_changes"("position");

-- CreateIndex
CREATE UNIQUE INDEX "klarna_changes_idempotency_key_key" ON "klarna_changes"("idempotency_key");

-- CreateIndex
CREATE INDEX "klarna_changes_partner_id_mode_position_idx" ON "klarna_changes"("partner_id", "mode", "position");

-- CreateIndex
CREATE INDEX "klarna_changes_subject_id_position_idx" ON "klarna_changes"("subject_id", "position");

-- CreateIndex
CREATE UNIQUE INDEX "klarna_changes_partner_id_mode_id_key" ON "klarna_changes"("partner_id", "mode", "id");

-- CreateIndex
CREATE INDEX "klarna_change_calls_change_id_idx" ON "klarna_change_calls"("change_id");

-- CreateIndex
CREATE INDEX "drift_findings_partner_id_mode_state_found_at_idx" ON "drift_findings"("partner_id", "mode", "state", "found_at");

-- CreateIndex
CREATE UNIQUE INDEX "drift_findings_partner_id_mode_id_key" ON "drift_findings"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "brands_partner_id_mode_reference_key" ON "brands"("partner_id", "mode", "reference");

-- CreateIndex
CREATE UNIQUE INDEX "business_entities_partner_id_mode_reference_key" ON "business_entities"("partner_id", "mode", "reference");

-- CreateIndex
CREATE INDEX "store_groups_partner_id_mode_brand_id_idx" ON "store_groups"("partner_id", "mode", "brand_id");

-- CreateIndex
CREATE UNIQUE INDEX "store_groups_partner_id_mode_reference_key" ON "store_groups"("partner_id", "mode", "reference");

-- CreateIndex
CREATE INDEX "stores_partner_id_mode_name_id_idx" ON "stores"("partner_id", "mode", "name", "id");

-- CreateIndex
CREATE INDEX "stores_partner_id_mode_store_group_id_idx" ON "stores"("partner_id", "mode", "store_group_id");

-- CreateIndex
CREATE INDEX "stores_mode_created_at_id_idx" ON "stores"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "stores_mode_name_id_idx" ON "stores"("mode", "name", "id");

-- CreateIndex
CREATE INDEX "terminals_partner_id_mode_label_id_idx" ON "terminals"("partner_id", "mode", "label", "id");

-- CreateIndex
CREATE INDEX "terminals_mode_created_at_id_idx" ON "terminals"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "terminals_mode_label_id_idx" ON "terminals"("mode", "label", "id");

-- AddForeignKey
ALTER TABLE "onboardings" ADD CONSTRAINT "onboardings_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "stakeholders" ADD CONSTRAINT "stakeholders_partner_id_mode_business_entity_id_fkey" FOREIGN KEY ("partner_id", "mode", "business_entity_id") REFERENCES "business_entities"("partner_id", "mode", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "payment_accounts" ADD CONSTRAINT "payment_accounts_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "payment_accounts" ADD CONSTRAINT "payment_accounts_partner_id_mode_business_entity_id_fkey" FOREIGN KEY ("partner_id", "mode", "business_entity_id") REFERENCES "business_entities"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "payment_accounts" ADD CONSTRAINT "payment_accounts_partner_id_mode_store_group_id_fkey" FOREIGN KEY ("partner_id", "mode", "store_group_id") REFERENCES "store_groups"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "store_groups" ADD CONSTRAINT "store_groups_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "terminals" ADD CONSTRAINT "terminals_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "terminal_moves" ADD CONSTRAINT "terminal_moves_partner_id_mode_terminal_id_fkey" FOREIGN KEY ("partner_id", "mode", "terminal_id") REFERENCES "terminals"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "terminal_moves" ADD CONSTRAINT "terminal_moves_partner_id_mode_from_store_id_fkey" FOREIGN KEY ("partner_id", "mode", "from_store_id") REFERENCES "stores"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "terminal_moves" ADD CONSTRAINT "terminal_moves_partner_id_mode_to_store_id_fkey" FOREIGN KEY ("partner_id", "mode", "to_store_id") REFERENCES "stores"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pairing_codes" ADD CONSTRAINT "pairing_codes_partner_id_mode_terminal_id_fkey" FOREIGN KEY ("partner_id", "mode", "terminal_id") REFERENCES "terminals"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "paired_devices" ADD CONSTRAINT "paired_devices_partner_id_mode_terminal_id_fkey" FOREIGN KEY ("partner_id", "mode", "terminal_id") REFERENCES "terminals"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "saved_views" ADD CONSTRAINT "saved_views_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "partners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "import_rows" ADD CONSTRAINT "import_rows_import_id_fkey" FOREIGN KEY ("import_id") REFERENCES "imports"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compliance_decisions" ADD CONSTRAINT "compliance_decisions_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "account_state_changes" ADD CONSTRAINT "account_state_changes_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "portal_grants" ADD CONSTRAINT "portal_grants_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "klarna_changes" ADD CONSTRAINT "klarna_changes_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "klarna_change_calls" ADD CONSTRAINT "klarna_change_calls_partner_id_mode_change_id_fkey" FOREIGN KEY ("partner_id", "mode", "change_id") REFERENCES "klarna_changes"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "drift_findings" ADD CONSTRAINT "drift_findings_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- States and kinds -------------------------------------------------------------------------------------------------------
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['onboardings','stakeholders','payment_accounts','terminal_moves','pairing_codes','paired_devices','imports',
    'compliance_decisions','account_state_changes','klarna_credentials','klarna_access','portal_grants','klarna_changes',
    'klarna_change_calls','drift_findings']
  LOOP
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (mode IN (''test'',''live''))', name, name || '_mode_check');
  END LOOP;
END $$;

ALTER TABLE "partner_accounts" DROP CONSTRAINT "partner_accounts_state_check", DROP CONSTRAINT "partner_accounts_product_check";
ALTER TABLE "partner_accounts"
  ADD CONSTRAINT "partner_accounts_state_check" CHECK (state IN ('NOT_ONBOARDED','PARTIALLY_OPERATIONAL','OPERATIONAL','DISABLED')),
  ADD CONSTRAINT "partner_accounts_onboarded_check" CHECK ((state = 'NOT_ONBOARDED') = (klarna_partner_account_id IS NULL)),
  ADD CONSTRAINT "partner_accounts_product_check" CHECK (product_state IN ('ENABLED','DISABLED','TERMINATED')
    AND (state <> 'NOT_ONBOARDED' OR product_state = 'DISABLED')),
  ADD CONSTRAINT "partner_accounts_wanted_check" CHECK (product_wanted IN ('ENABLED','DISABLED')),
  ADD CONSTRAINT "partner_accounts_changed_by_check" CHECK (product_changed_by IN ('US','KLARNA'));
ALTER TABLE "onboardings" ADD CONSTRAINT "onboardings_state_check"
  CHECK (state IN ('DRAFT','SUBMITTED','APPROVED','ONBOARDING','REFUSED','ONBOARDED','OPERATIONAL','CANCELED'));
ALTER TABLE "payment_accounts"
  ADD CONSTRAINT "payment_accounts_state_check" CHECK (state IN ('DRAFT','ENABLED','DISABLED')),
  ADD CONSTRAINT "payment_accounts_category_check" CHECK (category_code ~ '^[0-9]{4}$');
ALTER TABLE "brands"
  ADD CONSTRAINT "brands_data_check" CHECK (data_state IN ('UNKNOWN','INCOMPLETE')),
  ADD CONSTRAINT "brands_status_check" CHECK (status IN ('ACTIVE','ARCHIVED'));
ALTER TABLE "store_groups" ADD CONSTRAINT "store_groups_status_check" CHECK (status IN ('ACTIVE','ARCHIVED'));
ALTER TABLE "stores" DROP CONSTRAINT "stores_status_check";
ALTER TABLE "stores"
  ADD CONSTRAINT "stores_status_check" CHECK (status IN ('DRAFT','ACTIVE','ARCHIVED')),
  ADD CONSTRAINT "stores_archived_check" CHECK (archived_at IS NULL OR status = 'ARCHIVED'),
  ADD CONSTRAINT "stores_opening_check" CHECK (opening_state IN ('OPEN','OPENING_SOON','TEMPORARILY_CLOSED','CLOSED'));
ALTER TABLE "terminals" DROP CONSTRAINT "terminals_status_check";
ALTER TABLE "terminals"
  ADD CONSTRAINT "terminals_status_check" CHECK (status IN ('DRAFT','ACTIVE','ARCHIVED')),
  ADD CONSTRAINT "terminals_archived_check" CHECK (archived_at IS NULL OR status = 'ARCHIVED');
ALTER TABLE "terminal_moves" ADD CONSTRAINT "terminal_moves_moved_check" CHECK (from_store_id <> to_store_id);
ALTER TABLE "pairing_codes" ADD CONSTRAINT "pairing_codes_purpose_check" CHECK (purpose IN ('KIOSK','TILL'));
ALTER TABLE "paired_devices" ADD CONSTRAINT "paired_devices_purpose_check" CHECK (purpose IN ('KIOSK','TILL'));
ALTER TABLE "imports"
  ADD CONSTRAINT "imports_kind_check" CHECK (kind IN ('PARTNERS','STORES','TERMINALS')),
  ADD CONSTRAINT "imports_partner_check" CHECK ((kind = 'PARTNERS') = (partner_id IS NULL)),
  ADD CONSTRAINT "imports_state_check" CHECK (state IN ('UPLOADED','CHECKED','RUNNING','DONE','FAILED','CANCELED'));
ALTER TABLE "imports" ADD CONSTRAINT "imports_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "import_rows"
  ADD CONSTRAINT "import_rows_state_check" CHECK (state IN ('PENDING','VALID','INVALID','DONE','FAILED','SKIPPED')),
  ADD CONSTRAINT "import_rows_action_check" CHECK (action IN ('CREATE','UPDATE','NONE'));
ALTER TABLE "compliance_decisions" ADD CONSTRAINT "compliance_decisions_state_check" CHECK (state IN ('OPEN','HANDLED'));
ALTER TABLE "account_state_changes"
  ADD CONSTRAINT "account_state_changes_what_check" CHECK (what IN ('PARTNER','ACCOUNT','PRODUCT','PAYMENT_ACCOUNT','ONBOARDING')),
  ADD CONSTRAINT "account_state_changes_made_by_check" CHECK (made_by IN ('US','KLARNA'));
ALTER TABLE "klarna_credentials"
  ADD CONSTRAINT "klarna_credentials_kind_check" CHECK (kind IN ('API_KEY','CLIENT_IDENTIFIER','CLIENT_CERTIFICATE','SFTP_USER')),
  ADD CONSTRAINT "klarna_credentials_state_check" CHECK (state IN ('REQUESTED','READY','ACTIVE','DISABLED','FAILED'));
ALTER TABLE "klarna_access" ADD CONSTRAINT "klarna_access_ip_check" CHECK (ip_mode IN ('NOT_ENABLED','REPORTING','ENFORCED') AND cardinality(ip_addresses) <= 100);
ALTER TABLE "portal_grants"
  ADD CONSTRAINT "portal_grants_kind_check" CHECK (kind IN ('DEEP_LINK','INVITATION')),
  ADD CONSTRAINT "portal_grants_state_check" CHECK (state IN ('REQUESTED','OPENED','INVITED','ACTIVE','REVOKED','FAILED'));
ALTER TABLE "klarna_changes"
  ADD CONSTRAINT "klarna_changes_state_check" CHECK (state IN ('PENDING','SENT','UNKNOWN','DONE','FAILED','CANCELED')),
  ADD CONSTRAINT "klarna_changes_lane_check" CHECK (lane IN ('DATA','PRODUCT')),
  ADD CONSTRAINT "klarna_changes_kind_check" CHECK (kind IN ('ONBOARD','ACCOUNT_UPDATE','ENTITY_CREATE','ENTITY_UPDATE','BRAND_CREATE','BRAND_UPDATE',
    'GROUP_CREATE','GROUP_UPDATE','STORE_CREATE','STORE_UPDATE','PAYMENT_ACCOUNT_CREATE','PRODUCT_ENABLE','PRODUCT_DISABLE')
    AND (lane = 'PRODUCT') = (kind IN ('PRODUCT_ENABLE','PRODUCT_DISABLE'))),
  ADD CONSTRAINT "klarna_changes_wake_check" CHECK ((state IN ('PENDING','SENT','UNKNOWN')) = (next_attempt_at IS NOT NULL)),
  ADD CONSTRAINT "klarna_changes_settled_check" CHECK ((state IN ('DONE','FAILED','CANCELED')) = (settled_at IS NOT NULL));
ALTER TABLE "drift_findings"
  ADD CONSTRAINT "drift_findings_state_check" CHECK (state IN ('OPEN','PUSHED','TAKEN','GONE')),
  ADD CONSTRAINT "drift_findings_resolved_check" CHECK ((state = 'OPEN') = (resolved_at IS NULL));

-- What Klarna gave an id to is known once ---------------------------------------------------------------------------------
CREATE UNIQUE INDEX "business_entities_klarna_key" ON "business_entities" (mode, klarna_business_entity_id) WHERE klarna_business_entity_id IS NOT NULL;
CREATE UNIQUE INDEX "brands_klarna_key" ON "brands" (mode, klarna_brand_id) WHERE klarna_brand_id IS NOT NULL;
CREATE UNIQUE INDEX "store_groups_klarna_key" ON "store_groups" (mode, klarna_store_group_id) WHERE klarna_store_group_id IS NOT NULL;
CREATE INDEX "stores_klarna_idx" ON "stores" (mode, klarna_store_id) WHERE klarna_store_id IS NOT NULL;
CREATE UNIQUE INDEX "payment_accounts_klarna_key" ON "payment_accounts" (mode, klarna_payment_account_id) WHERE klarna_payment_account_id IS NOT NULL;
CREATE UNIQUE INDEX "payment_accounts_default_key" ON "payment_accounts" (partner_id, mode) WHERE is_default;
CREATE UNIQUE INDEX "pairing_codes_open_key" ON "pairing_codes" (code_hash) WHERE used_at IS NULL;
CREATE UNIQUE INDEX "drift_findings_open_key" ON "drift_findings" (partner_id, mode, subject_id, field) WHERE state = 'OPEN';

-- The queue to Klarna: what is still owed; one call of a lane at a time, so that the order holds ---------------------------
CREATE INDEX "klarna_changes_turn_idx" ON "klarna_changes" (partner_id, mode, lane, position) WHERE state IN ('PENDING','SENT','UNKNOWN');
CREATE INDEX "klarna_changes_wake_idx" ON "klarna_changes" (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE UNIQUE INDEX "klarna_changes_one_sent_key" ON "klarna_changes" (partner_id, mode, lane) WHERE state IN ('SENT','UNKNOWN');
CREATE INDEX "partner_accounts_read_idx" ON "partner_accounts" (next_read_at) WHERE next_read_at IS NOT NULL;
CREATE INDEX "imports_wake_idx" ON "imports" (lease_until) WHERE state = 'RUNNING';
ALTER TABLE "klarna_changes" SET (fillfactor = 85);

CREATE FUNCTION klarna_changes_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('DONE','FAILED','CANCELED') AND NEW.state <> OLD.state THEN
    RAISE EXCEPTION 'change %: % is final', OLD.id, OLD.state USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.id, NEW.partner_id, NEW.mode, NEW.position, NEW.kind, NEW.subject_id, NEW.idempotency_key, NEW.payload_secret)
    IS DISTINCT FROM (OLD.id, OLD.partner_id, OLD.mode, OLD.position, OLD.kind, OLD.subject_id, OLD.idempotency_key, OLD.payload_secret) THEN
    RAISE EXCEPTION 'change %: the intent stays as it is', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER klarna_changes_guard BEFORE UPDATE ON "klarna_changes" FOR EACH ROW EXECUTE FUNCTION klarna_changes_guard();

-- What was written down stays -----------------------------------------------------------------------------------------------
CREATE TRIGGER terminal_moves_append_only BEFORE UPDATE OR DELETE ON "terminal_moves" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER account_state_changes_append_only BEFORE UPDATE OR DELETE ON "account_state_changes" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER klarna_change_calls_append_only BEFORE UPDATE OR DELETE ON "klarna_change_calls" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER klarna_changes_keep BEFORE DELETE ON "klarna_changes" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER compliance_decisions_keep BEFORE DELETE ON "compliance_decisions" FOR EACH ROW EXECUTE FUNCTION append_only();

-- Search: any part of any identifier, by trigrams -----------------------------------------------------------------------------
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE FUNCTION partners_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.search_text := lower(concat_ws(' ', NEW.id, NEW.reference, NEW.name));
  RETURN NEW;
END $$;
CREATE TRIGGER partners_search BEFORE INSERT OR UPDATE OF reference, name ON "partners" FOR EACH ROW EXECUTE FUNCTION partners_search();

CREATE FUNCTION stores_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.search_text := lower(concat_ws(' ', NEW.id, NEW.reference, NEW.name, NEW.url, NEW.klarna_store_id,
    NEW.address->>'street_address', NEW.address->>'postal_code', NEW.address->>'city'));
  RETURN NEW;
END $$;
CREATE TRIGGER stores_search BEFORE INSERT OR UPDATE OF reference, name, url, klarna_store_id, address ON "stores" FOR EACH ROW EXECUTE FUNCTION stores_search();

CREATE FUNCTION terminals_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.search_text := lower(concat_ws(' ', NEW.id, NEW.reference, NEW.label));
  RETURN NEW;
END $$;
CREATE TRIGGER terminals_search BEFORE INSERT OR UPDATE OF reference, label ON "terminals" FOR EACH ROW EXECUTE FUNCTION terminals_search();

UPDATE "partners" SET name = name;
UPDATE "stores" SET name = name;
UPDATE "terminals" SET label = label;

CREATE INDEX "partners_search_idx" ON "partners" USING gin (search_text gin_trgm_ops);
CREATE INDEX "stores_search_idx" ON "stores" USING gin (search_text gin_trgm_ops);
CREATE INDEX "terminals_search_idx" ON "terminals" USING gin (search_text gin_trgm_ops);
-- Which stores can show a QR code.
CREATE INDEX "terminals_qr_idx" ON "terminals" (partner_id, mode, store_id) WHERE can_show_qr AND status <> 'ARCHIVED';
