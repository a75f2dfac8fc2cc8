-- A limit of returns at the till is a number of minor units: it stands with its currency. So far it was the Partner's.
UPDATE "partner_accounts" a SET settings = a.settings || jsonb_build_object('till_return_currency', p.currency)
  FROM "partners" p WHERE p.id = a.partner_id
    AND jsonb_typeof(a.settings -> 'till_return_limit') = 'number' AND a.settings -> 'till_return_limit' <> '0'::jsonb;
UPDATE "stores" s SET settings = s.settings || jsonb_build_object('till_return_currency', p.currency)
  FROM "partners" p WHERE p.id = s.partner_id
    AND jsonb_typeof(s.settings -> 'till_return_limit') = 'number' AND s.settings -> 'till_return_limit' <> '0'::jsonb;
UPDATE "terminals" t SET settings = t.settings || jsonb_build_object('till_return_currency', p.currency)
  FROM "partners" p WHERE p.id = t.partner_id
    AND jsonb_typeof(t.settings -> 'till_return_limit') = 'number' AND t.settings -> 'till_return_limit' <> '0'::jsonb;
