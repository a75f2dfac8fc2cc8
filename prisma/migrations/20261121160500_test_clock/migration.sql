-- How far the clock of a Partner's test payments is ahead of ours.
alter table partner_accounts add column clock_ahead_ms bigint not null default 0;
alter table partner_accounts add constraint partner_accounts_clock_ahead
  check (clock_ahead_ms >= 0 and (mode = 'test' or clock_ahead_ms = 0));
