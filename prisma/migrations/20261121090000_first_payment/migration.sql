-- CreateTable
CREATE TABLE "audit_entries" (
    "position" BIGSERIAL NOT NULL,
    "id" TEXT NOT NULL,
    "partner_id" TEXT,
    "mode" TEXT,
    "actor_kind" TEXT NOT NULL,
    "actor_id" TEXT NOT NULL,
    "way" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "subject_kind" TEXT NOT NULL,
    "subject_id" TEXT NOT NULL,
    "request_id" TEXT,
    "before" JSONB,
    "after" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "audit_entries_pkey" PRIMARY KEY ("position")
);

-- CreateTable
CREATE TABLE "inbox_events" (
    "id" TEXT NOT NULL,
    "event_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "event_type" TEXT NOT NULL,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "subject_account_id" TEXT,
    "payment_request_id" TEXT,
    "payment_transaction_id" TEXT,
    "raw_body" BYTEA NOT NULL,
    "signing_key_id" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'RECEIVED',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "note" TEXT,
    "payment_id" TEXT,
    "next_attempt_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "processed_at" TIMESTAMPTZ(3),

    CONSTRAINT "inbox_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "outbox_events" (
    "position" BIGSERIAL NOT NULL,
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "subject_kind" TEXT NOT NULL,
    "subject_id" TEXT NOT NULL,
    "sequence" INTEGER NOT NULL,
    "payload" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "relayed_at" TIMESTAMPTZ(3),

    CONSTRAINT "outbox_events_pkey" PRIMARY KEY ("position")
);

-- CreateTable
CREATE TABLE "klarna_signing_keys" (
    "id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'ACTIVE',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "retired_at" TIMESTAMPTZ(3),

    CONSTRAINT "klarna_signing_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "alarms" (
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "partner_id" TEXT,
    "mode" TEXT,
    "subject_kind" TEXT NOT NULL,
    "subject_id" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "raised_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "cleared_at" TIMESTAMPTZ(3),
    "cleared_by" TEXT,

    CONSTRAINT "alarms_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "users" (
    "id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'ACTIVE',
    "password_hash" TEXT NOT NULL,
    "password_changed_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "user_partners" (
    "user_id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,

    CONSTRAINT "user_partners_pkey" PRIMARY KEY ("user_id","partner_id")
);

-- CreateTable
CREATE TABLE "sessions" (
    "id" TEXT NOT NULL,
    "token_hash" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "end_reason" TEXT,
    "address" TEXT,
    "user_agent" TEXT,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" TEXT NOT NULL,
    "secret_hint" TEXT NOT NULL,
    "scopes" TEXT[],
    "addresses" TEXT[],
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotent_answers" (
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "request_hash" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "resource_id" TEXT,
    "status" INTEGER,
    "body" BYTEA,
    "body_encrypted" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotent_answers_pkey" PRIMARY KEY ("partner_id","mode","key")
);

-- CreateTable
CREATE TABLE "request_log" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "api_key_id" TEXT NOT NULL,
    "method" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "status" INTEGER NOT NULL,
    "duration_ms" INTEGER NOT NULL,
    "address" TEXT,
    "request" JSONB,
    "response" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "request_log_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "partners" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "reference" TEXT NOT NULL,
    "country" TEXT NOT NULL,
    "currency" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "partners_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "partner_accounts" (
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "klarna_partner_account_id" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "product_state" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "partner_accounts_pkey" PRIMARY KEY ("partner_id","mode")
);

-- CreateTable
CREATE TABLE "business_entities" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "legal_name" TEXT NOT NULL,
    "registration_number" TEXT NOT NULL,
    "country" TEXT NOT NULL,
    "address" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "business_entities_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "brands" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "website" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "brands_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "store_groups" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "brand_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "store_groups_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "stores" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "reference" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "store_group_id" TEXT,
    "address" JSONB,
    "country" TEXT,
    "url" TEXT,
    "klarna_store_id" TEXT,
    "source" TEXT NOT NULL DEFAULT 'REGISTERED',
    "status" TEXT NOT NULL DEFAULT 'ACTIVE',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "stores_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "terminals" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "store_id" TEXT NOT NULL,
    "reference" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "device" TEXT NOT NULL,
    "can_show_qr" BOOLEAN NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'ACTIVE',
    "last_seen_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "terminals_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "payments" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "state" TEXT NOT NULL,
    "amount" BIGINT NOT NULL,
    "currency" TEXT NOT NULL,
    "reference" TEXT NOT NULL,
    "allow_repeat_reference" BOOLEAN NOT NULL DEFAULT false,
    "channel" TEXT NOT NULL,
    "launch" TEXT NOT NULL,
    "capture" TEXT NOT NULL,
    "store_id" TEXT,
    "terminal_id" TEXT,
    "amount_authorized" BIGINT NOT NULL DEFAULT 0,
    "amount_captured" BIGINT NOT NULL DEFAULT 0,
    "amount_refunded" BIGINT NOT NULL DEFAULT 0,
    "amount_voided" BIGINT NOT NULL DEFAULT 0,
    "line_items" JSONB NOT NULL DEFAULT '[]',
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "purchase_secret" TEXT,
    "klarna_payment_request_id" TEXT,
    "klarna_payment_request_url" TEXT,
    "klarna_qr_image_url" TEXT,
    "klarna_qr_target_url" TEXT,
    "klarna_request_state" TEXT,
    "klarna_request_state_at" TIMESTAMPTZ(3),
    "klarna_request_expires_at" TIMESTAMPTZ(3),
    "klarna_payment_transaction_id" TEXT,
    "klarna_token_secret" TEXT,
    "klarna_token_kind" TEXT,
    "session_token_hash" TEXT,
    "funding_type" TEXT,
    "funding_state" TEXT,
    "decline_reason" TEXT,
    "failure_code" TEXT,
    "stop_mark" TEXT,
    "stop_marked_at" TIMESTAMPTZ(3),
    "journey_completed_at" TIMESTAMPTZ(3),
    "final_started_at" TIMESTAMPTZ(3),
    "finalize_by" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "authorization_expires_at" TIMESTAMPTZ(3),
    "late_transaction_id" TEXT,
    "late_approval_state" TEXT,
    "event_sequence" INTEGER NOT NULL DEFAULT 0,
    "next_action_at" TIMESTAMPTZ(3),
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "payments_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "captures" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "payment_id" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "amount" BIGINT NOT NULL,
    "currency" TEXT NOT NULL,
    "reference" TEXT,
    "klarna_payment_capture_id" TEXT,
    "automatic" BOOLEAN NOT NULL DEFAULT false,
    "failure_code" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "captures_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "refunds" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "payment_id" TEXT NOT NULL,
    "capture_id" TEXT,
    "state" TEXT NOT NULL,
    "amount" BIGINT NOT NULL,
    "currency" TEXT NOT NULL,
    "reason" TEXT,
    "reference" TEXT,
    "klarna_payment_refund_id" TEXT,
    "failure_code" TEXT,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "refunds_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "klarna_operations" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "payment_id" TEXT NOT NULL,
    "capture_id" TEXT,
    "refund_id" TEXT,
    "kind" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL DEFAULT 1,
    "state" TEXT NOT NULL,
    "idempotency_key" TEXT NOT NULL,
    "result" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3),
    "klarna_error_code" TEXT,
    "klarna_error_id" TEXT,
    "opened_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMPTZ(3),

    CONSTRAINT "klarna_operations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "klarna_calls" (
    "id" BIGSERIAL NOT NULL,
    "operation_id" TEXT NOT NULL,
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

    CONSTRAINT "klarna_calls_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_endpoints" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "events" TEXT[],
    "description" TEXT,
    "headers_secret" TEXT,
    "ordered" BOOLEAN NOT NULL DEFAULT true,
    "state" TEXT NOT NULL DEFAULT 'ENABLED',
    "disabled_reason" TEXT,
    "secret" TEXT NOT NULL,
    "previous_secret" TEXT,
    "previous_secret_until" TIMESTAMPTZ(3),
    "failing_since" TIMESTAMPTZ(3),
    "consecutive_failures" INTEGER NOT NULL DEFAULT 0,
    "deleted_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_endpoints_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_deliveries" (
    "id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "endpoint_id" TEXT NOT NULL,
    "event_id" TEXT NOT NULL,
    "event_type" TEXT NOT NULL,
    "subject_id" TEXT NOT NULL,
    "sequence" INTEGER NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'PENDING',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,
    "claimed_until" TIMESTAMPTZ(3),
    "delivered_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_deliveries_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_attempts" (
    "id" BIGSERIAL NOT NULL,
    "delivery_id" TEXT NOT NULL,
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "status" INTEGER,
    "outcome" TEXT NOT NULL,
    "answer" TEXT,
    "duration_ms" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_attempts_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "audit_entries_id_key" ON "audit_entries"("id");

-- CreateIndex
CREATE INDEX "audit_entries_subject_id_position_idx" ON "audit_entries"("subject_id", "position");

-- CreateIndex
CREATE INDEX "audit_entries_partner_id_mode_position_idx" ON "audit_entries"("partner_id", "mode", "position");

-- CreateIndex
CREATE INDEX "inbox_events_mode_received_at_idx" ON "inbox_events"("mode", "received_at");

-- CreateIndex
CREATE INDEX "inbox_events_payment_id_idx" ON "inbox_events"("payment_id");

-- CreateIndex
CREATE UNIQUE INDEX "inbox_events_mode_event_id_key" ON "inbox_events"("mode", "event_id");

-- CreateIndex
CREATE UNIQUE INDEX "outbox_events_id_key" ON "outbox_events"("id");

-- CreateIndex
CREATE INDEX "outbox_events_partner_id_mode_created_at_idx" ON "outbox_events"("partner_id", "mode", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "outbox_events_subject_id_sequence_key" ON "outbox_events"("subject_id", "sequence");

-- CreateIndex
CREATE INDEX "alarms_cleared_at_raised_at_idx" ON "alarms"("cleared_at", "raised_at");

-- CreateIndex
CREATE UNIQUE INDEX "users_email_key" ON "users"("email");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_token_hash_key" ON "sessions"("token_hash");

-- CreateIndex
CREATE INDEX "sessions_user_id_ended_at_idx" ON "sessions"("user_id", "ended_at");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_secret_hash_key" ON "api_keys"("secret_hash");

-- CreateIndex
CREATE INDEX "api_keys_partner_id_mode_created_at_idx" ON "api_keys"("partner_id", "mode", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_partner_id_mode_id_key" ON "api_keys"("partner_id", "mode", "id");

-- CreateIndex
CREATE INDEX "idempotent_answers_expires_at_idx" ON "idempotent_answers"("expires_at");

-- CreateIndex
CREATE INDEX "request_log_partner_id_mode_created_at_idx" ON "request_log"("partner_id", "mode", "created_at");

-- CreateIndex
CREATE INDEX "request_log_created_at_idx" ON "request_log"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "partners_reference_key" ON "partners"("reference");

-- CreateIndex
CREATE INDEX "partners_created_at_id_idx" ON "partners"("created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "partner_accounts_mode_klarna_partner_account_id_key" ON "partner_accounts"("mode", "klarna_partner_account_id");

-- CreateIndex
CREATE UNIQUE INDEX "business_entities_partner_id_mode_id_key" ON "business_entities"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "brands_partner_id_mode_id_key" ON "brands"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "brands_partner_id_mode_name_key" ON "brands"("partner_id", "mode", "name");

-- CreateIndex
CREATE UNIQUE INDEX "store_groups_partner_id_mode_id_key" ON "store_groups"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "store_groups_partner_id_mode_name_key" ON "store_groups"("partner_id", "mode", "name");

-- CreateIndex
CREATE INDEX "stores_partner_id_mode_created_at_id_idx" ON "stores"("partner_id", "mode", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "stores_partner_id_mode_id_key" ON "stores"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "stores_partner_id_mode_reference_key" ON "stores"("partner_id", "mode", "reference");

-- CreateIndex
CREATE INDEX "terminals_partner_id_mode_created_at_id_idx" ON "terminals"("partner_id", "mode", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "terminals_partner_id_mode_id_key" ON "terminals"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "terminals_partner_id_mode_store_id_reference_key" ON "terminals"("partner_id", "mode", "store_id", "reference");

-- CreateIndex
CREATE UNIQUE INDEX "payments_klarna_payment_request_id_key" ON "payments"("klarna_payment_request_id");

-- CreateIndex
CREATE UNIQUE INDEX "payments_klarna_payment_transaction_id_key" ON "payments"("klarna_payment_transaction_id");

-- CreateIndex
CREATE INDEX "payments_partner_id_mode_created_at_id_idx" ON "payments"("partner_id", "mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "payments_mode_created_at_id_idx" ON "payments"("mode", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "payments_partner_id_mode_id_key" ON "payments"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "captures_partner_id_mode_id_key" ON "captures"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "captures_payment_id_klarna_payment_capture_id_key" ON "captures"("payment_id", "klarna_payment_capture_id");

-- CreateIndex
CREATE INDEX "refunds_partner_id_mode_payment_id_idx" ON "refunds"("partner_id", "mode", "payment_id");

-- CreateIndex
CREATE UNIQUE INDEX "refunds_partner_id_mode_id_key" ON "refunds"("partner_id", "mode", "id");

-- CreateIndex
CREATE UNIQUE INDEX "klarna_operations_idempotency_key_key" ON "klarna_operations"("idempotency_key");

-- CreateIndex
CREATE UNIQUE INDEX "klarna_operations_payment_id_kind_epoch_key" ON "klarna_operations"("payment_id", "kind", "epoch");

-- CreateIndex
CREATE UNIQUE INDEX "klarna_operations_partner_id_mode_id_key" ON "klarna_operations"("partner_id", "mode", "id");

-- CreateIndex
CREATE INDEX "klarna_calls_operation_id_idx" ON "klarna_calls"("operation_id");

-- CreateIndex
CREATE INDEX "webhook_endpoints_partner_id_mode_created_at_id_idx" ON "webhook_endpoints"("partner_id", "mode", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_endpoints_partner_id_mode_id_key" ON "webhook_endpoints"("partner_id", "mode", "id");

-- CreateIndex
CREATE INDEX "webhook_deliveries_partner_id_mode_created_at_id_idx" ON "webhook_deliveries"("partner_id", "mode", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_deliveries_endpoint_id_event_id_key" ON "webhook_deliveries"("endpoint_id", "event_id");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_deliveries_partner_id_mode_id_key" ON "webhook_deliveries"("partner_id", "mode", "id");

-- CreateIndex
CREATE INDEX "webhook_attempts_delivery_id_idx" ON "webhook_attempts"("delivery_id");

-- AddForeignKey
ALTER TABLE "user_partners" ADD CONSTRAINT "user_partners_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "user_partners" ADD CONSTRAINT "user_partners_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "partners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "partners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "partner_accounts" ADD CONSTRAINT "partner_accounts_partner_id_fkey" FOREIGN KEY ("partner_id") REFERENCES "partners"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "business_entities" ADD CONSTRAINT "business_entities_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "brands" ADD CONSTRAINT "brands_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "store_groups" ADD CONSTRAINT "store_groups_partner_id_mode_brand_id_fkey" FOREIGN KEY ("partner_id", "mode", "brand_id") REFERENCES "brands"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "stores" ADD CONSTRAINT "stores_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "stores" ADD CONSTRAINT "stores_partner_id_mode_store_group_id_fkey" FOREIGN KEY ("partner_id", "mode", "store_group_id") REFERENCES "store_groups"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "terminals" ADD CONSTRAINT "terminals_partner_id_mode_store_id_fkey" FOREIGN KEY ("partner_id", "mode", "store_id") REFERENCES "stores"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "payments" ADD CONSTRAINT "payments_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "payments" ADD CONSTRAINT "payments_partner_id_mode_store_id_fkey" FOREIGN KEY ("partner_id", "mode", "store_id") REFERENCES "stores"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "payments" ADD CONSTRAINT "payments_partner_id_mode_terminal_id_fkey" FOREIGN KEY ("partner_id", "mode", "terminal_id") REFERENCES "terminals"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "captures" ADD CONSTRAINT "captures_partner_id_mode_payment_id_fkey" FOREIGN KEY ("partner_id", "mode", "payment_id") REFERENCES "payments"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_partner_id_mode_payment_id_fkey" FOREIGN KEY ("partner_id", "mode", "payment_id") REFERENCES "payments"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_partner_id_mode_capture_id_fkey" FOREIGN KEY ("partner_id", "mode", "capture_id") REFERENCES "captures"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "klarna_operations" ADD CONSTRAINT "klarna_operations_partner_id_mode_payment_id_fkey" FOREIGN KEY ("partner_id", "mode", "payment_id") REFERENCES "payments"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "klarna_calls" ADD CONSTRAINT "klarna_calls_partner_id_mode_operation_id_fkey" FOREIGN KEY ("partner_id", "mode", "operation_id") REFERENCES "klarna_operations"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_partner_id_mode_fkey" FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_partner_id_mode_endpoint_id_fkey" FOREIGN KEY ("partner_id", "mode", "endpoint_id") REFERENCES "webhook_endpoints"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_event_id_fkey" FOREIGN KEY ("event_id") REFERENCES "outbox_events"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook_attempts" ADD CONSTRAINT "webhook_attempts_partner_id_mode_delivery_id_fkey" FOREIGN KEY ("partner_id", "mode", "delivery_id") REFERENCES "webhook_deliveries"("partner_id", "mode", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What follows Prisma's schema cannot say: the rules that the rows themselves must keep (server/domain/invariants.ts
-- checks the rest).

-- Modes and states ----------------------------------------------------------------------------------------------------
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['api_keys','idempotent_answers','request_log','partner_accounts','business_entities','brands',
    'store_groups','stores','terminals','payments','captures','refunds','klarna_operations','klarna_calls','inbox_events',
    'outbox_events','klarna_signing_keys','webhook_endpoints','webhook_deliveries','webhook_attempts']
  LOOP
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (mode IN (''test'',''live''))', name, name || '_mode_check');
  END LOOP;
END $$;

ALTER TABLE "users"
  ADD CONSTRAINT "users_role_check" CHECK (role IN ('ACQUIRER_ADMIN','ACQUIRER_OPERATIONS','ACQUIRER_FINANCE','READ_ONLY','PARTNER_ADMIN','PARTNER_STAFF')),
  ADD CONSTRAINT "users_state_check" CHECK (state IN ('ACTIVE','DISABLED')),
  ADD CONSTRAINT "users_email_check" CHECK (email = lower(email));
ALTER TABLE "idempotent_answers"
  ADD CONSTRAINT "idempotent_answers_state_check" CHECK (state IN ('RUNNING','DONE')),
  ADD CONSTRAINT "idempotent_answers_done_check" CHECK (state <> 'DONE' OR status IS NOT NULL);
ALTER TABLE "partners" ADD CONSTRAINT "partners_state_check" CHECK (state IN ('DRAFT','OPERATIONAL','SUSPENDED','CLOSED'));
ALTER TABLE "partner_accounts"
  ADD CONSTRAINT "partner_accounts_state_check" CHECK (state IN ('PARTIALLY_OPERATIONAL','OPERATIONAL','DISABLED')),
  ADD CONSTRAINT "partner_accounts_product_check" CHECK (product_state IN ('ENABLED','DISABLED'));
ALTER TABLE "stores"
  ADD CONSTRAINT "stores_type_check" CHECK (type IN ('PHYSICAL','WEBSITE','MOBILE_APP')),
  ADD CONSTRAINT "stores_source_check" CHECK (source IN ('REGISTERED','PAYMENT')),
  ADD CONSTRAINT "stores_status_check" CHECK (status IN ('ACTIVE','ARCHIVED')),
  ADD CONSTRAINT "stores_address_check" CHECK (type <> 'PHYSICAL' OR address IS NOT NULL);
ALTER TABLE "terminals"
  ADD CONSTRAINT "terminals_device_check" CHECK (device IN ('CARD_TERMINAL','TABLET','KIOSK','SELF_CHECKOUT','MOBILE_CHECKOUT')),
  ADD CONSTRAINT "terminals_status_check" CHECK (status IN ('ACTIVE','ARCHIVED'));
ALTER TABLE "captures" ADD CONSTRAINT "captures_state_check" CHECK (state IN ('PENDING','SUCCEEDED','FAILED','UNKNOWN')),
  ADD CONSTRAINT "captures_amount_check" CHECK (amount > 0);
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_state_check" CHECK (state IN ('PENDING','SUCCEEDED','FAILED','UNKNOWN')),
  ADD CONSTRAINT "refunds_amount_check" CHECK (amount > 0);
ALTER TABLE "klarna_operations"
  ADD CONSTRAINT "klarna_operations_kind_check" CHECK (kind IN ('AUTHORIZE','FINAL_AUTHORIZE','CANCEL_REQUEST','CAPTURE','REFUND','VOID','LATE_VOID','LATE_REFUND')),
  ADD CONSTRAINT "klarna_operations_state_check" CHECK (state IN ('PENDING','SUCCEEDED','FAILED','UNKNOWN')),
  ADD CONSTRAINT "klarna_operations_epoch_check" CHECK (epoch >= 1 AND (kind <> 'AUTHORIZE' OR epoch = 1)),
  ADD CONSTRAINT "klarna_operations_wake_check" CHECK ((state IN ('PENDING','UNKNOWN')) = (next_attempt_at IS NOT NULL)),
  ADD CONSTRAINT "klarna_operations_settled_check" CHECK ((state IN ('SUCCEEDED','FAILED')) = (settled_at IS NOT NULL));
ALTER TABLE "inbox_events" ADD CONSTRAINT "inbox_events_state_check" CHECK (state IN ('RECEIVED','PROCESSED','IGNORED','PARKED','FAILED')),
  ADD CONSTRAINT "inbox_events_wake_check" CHECK ((state IN ('RECEIVED','PARKED')) = (next_attempt_at IS NOT NULL));
ALTER TABLE "klarna_signing_keys" ADD CONSTRAINT "klarna_signing_keys_state_check" CHECK (state IN ('ACTIVE','RETIRED'));
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_state_check" CHECK (state IN ('ENABLED','DISABLED'));
ALTER TABLE "webhook_deliveries"
  ADD CONSTRAINT "webhook_deliveries_state_check" CHECK (state IN ('PENDING','DELIVERED','FAILED')),
  ADD CONSTRAINT "webhook_deliveries_wake_check" CHECK ((state = 'PENDING') = (next_attempt_at IS NOT NULL));
ALTER TABLE "audit_entries"
  ADD CONSTRAINT "audit_entries_actor_check" CHECK (actor_kind IN ('USER','API_KEY','KLARNA','SYSTEM')),
  ADD CONSTRAINT "audit_entries_way_check" CHECK (way IN ('API','SCREEN','JOB','WEBHOOK'));

-- Payments: sums, states, wake-up -------------------------------------------------------------------------------------
ALTER TABLE "payments"
  ADD CONSTRAINT "payments_state_check" CHECK (state IN ('PROCESSING','PENDING','IN_PROGRESS','FINALIZING','AUTHORIZED',
    'AUTHORIZATION_EXPIRED','COMPLETED','VOIDED','DECLINED','CANCELED','EXPIRED','FAILED')),
  ADD CONSTRAINT "payments_channel_check" CHECK (channel IN ('IN_STORE','WEB','MOBILE_APP')),
  ADD CONSTRAINT "payments_launch_check" CHECK (launch IN ('QR','REDIRECT','SDK','SHORT_CODE','NONE')),
  ADD CONSTRAINT "payments_capture_check" CHECK (capture IN ('AUTOMATIC','MANUAL')),
  ADD CONSTRAINT "payments_stop_check" CHECK (stop_mark IN ('CANCEL','EXPIRE') AND stop_marked_at IS NOT NULL OR stop_mark IS NULL),
  ADD CONSTRAINT "payments_late_check" CHECK (late_approval_state IN ('FOUND','VOIDED','REFUNDED') AND late_transaction_id IS NOT NULL OR late_approval_state IS NULL),
  ADD CONSTRAINT "payments_funding_check" CHECK (funding_type IN ('GUARANTEED','NON_GUARANTEED') OR funding_type IS NULL),
  ADD CONSTRAINT "payments_amount_check" CHECK (amount BETWEEN 1 AND 2147483647),
  ADD CONSTRAINT "payments_sums_check" CHECK (amount_authorized >= 0 AND amount_captured >= 0 AND amount_refunded >= 0 AND amount_voided >= 0
    AND amount_captured + amount_voided <= amount_authorized AND amount_refunded <= amount_captured),
  ADD CONSTRAINT "payments_in_store_check" CHECK (channel <> 'IN_STORE' OR (store_id IS NOT NULL AND terminal_id IS NOT NULL)),
  ADD CONSTRAINT "payments_approved_check" CHECK (state NOT IN ('AUTHORIZED','AUTHORIZATION_EXPIRED','COMPLETED','VOIDED')
    OR (amount_authorized > 0 AND klarna_payment_transaction_id IS NOT NULL)),
  ADD CONSTRAINT "payments_completed_check" CHECK (state <> 'COMPLETED' OR (amount_captured > 0 AND amount_captured + amount_voided = amount_authorized)),
  ADD CONSTRAINT "payments_voided_check" CHECK (state <> 'VOIDED' OR (amount_captured = 0 AND amount_voided = amount_authorized)),
  ADD CONSTRAINT "payments_not_approved_check" CHECK (state NOT IN ('PROCESSING','PENDING','IN_PROGRESS','FINALIZING','DECLINED','CANCELED','EXPIRED','FAILED')
    OR (amount_authorized = 0 AND klarna_payment_transaction_id IS NULL)),
  ADD CONSTRAINT "payments_wake_check" CHECK (state NOT IN ('PROCESSING','PENDING','IN_PROGRESS','FINALIZING','AUTHORIZED') OR next_action_at IS NOT NULL);

-- A reference is used by one payment at a time among those that may still be or were paid.
CREATE UNIQUE INDEX "payments_reference_key" ON "payments" (partner_id, mode, reference)
  WHERE NOT allow_repeat_reference AND state NOT IN ('DECLINED','CANCELED','EXPIRED','FAILED');
CREATE INDEX "payments_reference_idx" ON "payments" (partner_id, mode, reference);
-- A session token of a finished journey makes one payment only.
CREATE UNIQUE INDEX "payments_session_token_key" ON "payments" (mode, session_token_hash)
  WHERE session_token_hash IS NOT NULL AND state NOT IN ('DECLINED','CANCELED','EXPIRED','FAILED');
CREATE INDEX "payments_wake_idx" ON "payments" (next_action_at) WHERE next_action_at IS NOT NULL;
CREATE INDEX "payments_store_idx" ON "payments" (partner_id, mode, store_id, created_at DESC);
CREATE INDEX "payments_terminal_idx" ON "payments" (partner_id, mode, terminal_id, created_at DESC);
CREATE INDEX "payments_state_idx" ON "payments" (mode, state, created_at DESC);

CREATE FUNCTION payments_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'payment %: version must go up by one', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.state <> OLD.state AND NOT (CASE OLD.state
    WHEN 'PROCESSING' THEN NEW.state IN ('PENDING','IN_PROGRESS','FINALIZING','AUTHORIZED','COMPLETED','DECLINED','CANCELED','EXPIRED','FAILED')
    WHEN 'PENDING' THEN NEW.state IN ('IN_PROGRESS','FINALIZING','CANCELED','EXPIRED','DECLINED','FAILED')
    WHEN 'IN_PROGRESS' THEN NEW.state IN ('PENDING','FINALIZING','CANCELED','EXPIRED','DECLINED','FAILED')
    WHEN 'FINALIZING' THEN NEW.state IN ('PENDING','AUTHORIZED','COMPLETED','DECLINED','FAILED','CANCELED')
    WHEN 'AUTHORIZED' THEN NEW.state IN ('COMPLETED','VOIDED','AUTHORIZATION_EXPIRED')
    WHEN 'AUTHORIZATION_EXPIRED' THEN NEW.state IN ('AUTHORIZED','COMPLETED','VOIDED')
    ELSE false END)
  THEN
    RAISE EXCEPTION 'payment %: % does not lead to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.id, NEW.partner_id, NEW.mode, NEW.amount, NEW.currency) IS DISTINCT FROM (OLD.id, OLD.partner_id, OLD.mode, OLD.amount, OLD.currency) THEN
    RAISE EXCEPTION 'payment %: identity and amount stay as they are', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_guard BEFORE UPDATE ON "payments" FOR EACH ROW EXECUTE FUNCTION payments_guard();

-- The journal: no second key while an outcome is open or unknown, one approval for each payment -------------------------
CREATE UNIQUE INDEX "klarna_operations_one_open_key" ON "klarna_operations" (payment_id, kind)
  WHERE state IN ('PENDING','UNKNOWN') AND kind NOT IN ('CAPTURE','REFUND');
CREATE UNIQUE INDEX "klarna_operations_capture_key" ON "klarna_operations" (capture_id) WHERE capture_id IS NOT NULL AND kind = 'CAPTURE';
CREATE UNIQUE INDEX "klarna_operations_refund_key" ON "klarna_operations" (refund_id) WHERE refund_id IS NOT NULL;
CREATE UNIQUE INDEX "klarna_operations_approved_key" ON "klarna_operations" (payment_id)
  WHERE kind IN ('AUTHORIZE','FINAL_AUTHORIZE') AND result = 'APPROVED';
CREATE INDEX "klarna_operations_wake_idx" ON "klarna_operations" (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

CREATE FUNCTION klarna_operations_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('SUCCEEDED','FAILED') AND NEW.state <> OLD.state THEN
    RAISE EXCEPTION 'operation %: % is final', OLD.id, OLD.state USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.id, NEW.payment_id, NEW.kind, NEW.epoch, NEW.idempotency_key) IS DISTINCT FROM (OLD.id, OLD.payment_id, OLD.kind, OLD.epoch, OLD.idempotency_key) THEN
    RAISE EXCEPTION 'operation %: the intent stays as it is', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER klarna_operations_guard BEFORE UPDATE ON "klarna_operations" FOR EACH ROW EXECUTE FUNCTION klarna_operations_guard();

-- Queues: only what is still owed is in the index ------------------------------------------------------------------------
CREATE INDEX "inbox_events_wake_idx" ON "inbox_events" (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX "inbox_events_request_idx" ON "inbox_events" (payment_request_id) WHERE payment_request_id IS NOT NULL;
CREATE INDEX "outbox_events_relay_idx" ON "outbox_events" (position) WHERE relayed_at IS NULL;
CREATE INDEX "webhook_deliveries_wake_idx" ON "webhook_deliveries" (endpoint_id, next_attempt_at) WHERE state = 'PENDING';
CREATE INDEX "webhook_deliveries_order_idx" ON "webhook_deliveries" (endpoint_id, subject_id, sequence) WHERE state = 'PENDING';
CREATE INDEX "webhook_deliveries_state_idx" ON "webhook_deliveries" (partner_id, mode, state, created_at DESC);
CREATE UNIQUE INDEX "alarms_open_key" ON "alarms" (kind, subject_id) WHERE cleared_at IS NULL;

-- What was written down stays: no update, no delete ------------------------------------------------------------------------
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON "audit_entries" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER klarna_calls_append_only BEFORE UPDATE OR DELETE ON "klarna_calls" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER webhook_attempts_append_only BEFORE UPDATE OR DELETE ON "webhook_attempts" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER payments_keep BEFORE DELETE ON "payments" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER captures_keep BEFORE DELETE ON "captures" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER refunds_keep BEFORE DELETE ON "refunds" FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER klarna_operations_keep BEFORE DELETE ON "klarna_operations" FOR EACH ROW EXECUTE FUNCTION append_only();

-- Counters of the limits on guessing and on calls (rate-limiter-flexible) ---------------------------------------------------
CREATE TABLE "rate_limits" ("key" varchar(255) PRIMARY KEY, "points" integer NOT NULL DEFAULT 0, "expire" bigint);
