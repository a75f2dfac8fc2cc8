/**
 * A person's name as SQL, for whoever reads: to a Partner's people the acquirer's staff has no names. `user` is the alias of
 * the row of `users` (null where there is none), `partners` the place of the reader's Partners, null for all.
 */
export const nameFor = (user: string, partners: string): string =>
  `case when ${partners}::text[] is null
      or exists (select 1 from user_partners tie where tie.user_id = ${user}.id and tie.partner_id = any(${partners}::text[])) then ${user}.name
    when ${user}.id is not null then 'Acquirer staff' end`;
