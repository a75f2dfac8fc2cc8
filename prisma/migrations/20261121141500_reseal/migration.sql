-- What Klarna is told stays as it was written down; only the key that it is encrypted with may be changed, by who says so.
CREATE OR REPLACE FUNCTION klarna_changes_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('DONE','FAILED','CANCELED') AND NEW.state <> OLD.state THEN
    RAISE EXCEPTION 'change %: % is final', OLD.id, OLD.state USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.id, NEW.partner_id, NEW.mode, NEW.position, NEW.kind, NEW.subject_id, NEW.idempotency_key)
    IS DISTINCT FROM (OLD.id, OLD.partner_id, OLD.mode, OLD.position, OLD.kind, OLD.subject_id, OLD.idempotency_key)
    OR (NEW.payload_secret IS DISTINCT FROM OLD.payload_secret AND NOT (
      coalesce(current_setting('tillgate.reseal', true), '') = 'on'
      AND split_part(NEW.payload_secret, '.', 2) <> split_part(OLD.payload_secret, '.', 2)
      AND (to_jsonb(NEW) - 'payload_secret') = (to_jsonb(OLD) - 'payload_secret')
    )) THEN
    RAISE EXCEPTION 'change %: the intent stays as it is', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
