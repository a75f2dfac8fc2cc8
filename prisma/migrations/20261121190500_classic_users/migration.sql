-- A classic sale is captured, refunded and read with the user that made it, whoever the Partner's user is by then: users
-- that were replaced or removed are kept for their sales.
CREATE TABLE "classic_former_credentials" (
    "partner_id" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "region" TEXT NOT NULL,
    "username" TEXT NOT NULL,
    "password_secret" TEXT NOT NULL,
    "replaced_by" TEXT NOT NULL,
    "replaced_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "classic_former_credentials_pkey" PRIMARY KEY ("partner_id","mode","region","username")
);
ALTER TABLE "classic_former_credentials"
  ADD CONSTRAINT "classic_former_credentials_mode_check" CHECK (mode IN ('test','live')),
  ADD CONSTRAINT "classic_former_credentials_region_check" CHECK (region IN ('EU','NA','OC'));
ALTER TABLE "classic_former_credentials" ADD CONSTRAINT "classic_former_credentials_partner_id_mode_fkey"
  FOREIGN KEY ("partner_id", "mode") REFERENCES "partner_accounts"("partner_id", "mode") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Sales so far were made with the present user, as far as anybody knows.
UPDATE "payments" p
  SET classic = p.classic || jsonb_build_object('user', jsonb_build_object('region', c.region, 'username', c.username)),
    version = p.version + 1
  FROM "classic_credentials" c
  WHERE p.rail = 'CLASSIC' AND p.classic IS NOT NULL AND c.partner_id = p.partner_id AND c.mode = p.mode;
