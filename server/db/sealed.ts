/**
 * Every column that holds ciphertext, and where each value stands: the place that its encryption is bound to. A column that
 * is not listed here keeps its old key for ever; a test compares the list with the schema and with what is stored.
 */
export type SealedColumn = {
  readonly table: string;
  readonly column: string;
  /** The primary key, in its order. */
  readonly key: readonly KeyColumn[];
  /** Columns beside the key that the place needs. */
  readonly reads: readonly string[];
  readonly form: "text" | "bytes";
  /** By the column's name in the database. */
  place(row: Readonly<Record<string, string | null>>): string;
  /** Every change of a row counts its version up, so that one who has read it before reads again. */
  readonly isVersioned?: true;
  /** A trigger keeps the value as it is, but for a change of its key that says so. */
  readonly isGuarded?: true;
};

type KeyColumn = { readonly name: string; readonly type: "text" | "int" };
type Place = (row: Readonly<Record<string, string | null>>, at: string) => string;

const text = (...names: string[]): KeyColumn[] => names.map((name) => ({ name, type: "text" }));
const ID = text("id");

/** `as` is the column that the place names, where it is another one. */
function sealed(
  address: string,
  key: readonly KeyColumn[],
  place: Place,
  more: { reads?: string[]; form?: "bytes"; as?: string; isVersioned?: true; isGuarded?: true } = {},
): SealedColumn {
  const [table = "", column = ""] = address.split(".");
  const { reads = [], form = "text", as = column, ...rest } = more;
  return { table, column, key, reads, form, place: (row) => place(row, `${table}|${as}`), ...rest };
}

const byId: Place = (row, at) => `${at}|${row.id}`;
const byMode: Place = (row, at) => `${at}|${row.id}|${row.mode}`;
const byPartner: Place = (row, at) => `${at}|${row.id}|${row.partner_id ?? "-"}`;
const PARTNER = { reads: ["partner_id"] };
const MODE = { reads: ["mode"] };

export const SEALED: readonly SealedColumn[] = [
  sealed("totp_factors.secret", text("user_id"), (row, at) => `${at}|${row.user_id}|-`),
  sealed("sign_in_challenges.data", text("id_hash"), (row, at) => `${at}|${row.id_hash}|-`),
  sealed(
    "partner_accounts.contact_secret",
    text("partner_id", "mode"),
    (row, at) => `${at}|${row.partner_id}|${row.mode}`,
  ),
  sealed("business_entities.payout_secret", ID, byId),
  sealed("stakeholders.person_secret", ID, byId),
  sealed(
    "import_rows.data_secret",
    [...text("import_id"), { name: "row_number", type: "int" }],
    (row, at) => `${at}|${row.import_id}|${row.row_number}`,
  ),
  sealed("klarna_changes.payload_secret", ID, byId, { isGuarded: true }),
  sealed("drift_findings.values_secret", ID, byId),
  sealed("klarna_credentials.secret", ID, byMode, MODE),
  sealed("klarna_signing_keys.secret", ID, byMode, MODE),
  sealed(
    "classic_credentials.password_secret",
    text("partner_id", "mode"),
    (row, at) => `${at}|${row.partner_id}|${row.mode}`,
  ),
  sealed(
    "classic_former_credentials.password_secret",
    text("partner_id", "mode", "region", "username"),
    (row, at) => `${at}|${row.partner_id}|${row.mode}|${row.region}|${row.username}`,
  ),
  sealed("inbox_events.raw_body", ID, byMode, { ...MODE, form: "bytes" }),
  sealed("mails.body_secret", ID, byPartner, PARTNER),
  sealed(
    "idempotent_answers.body",
    text("partner_id", "mode", "key"),
    (row, at) => `${at}|${row.mode}:${row.key}|${row.partner_id}`,
    { form: "bytes" },
  ),
  sealed("webhook_endpoints.secret", ID, byPartner, PARTNER),
  sealed("webhook_endpoints.previous_secret", ID, byPartner, { ...PARTNER, as: "secret" }),
  sealed("webhook_endpoints.headers_secret", ID, byPartner, PARTNER),
  sealed("payments.purchase_secret", ID, byPartner, { ...PARTNER, isVersioned: true }),
  sealed("payments.klarna_token_secret", ID, byPartner, { ...PARTNER, isVersioned: true }),
  sealed("captures.shipping_secret", ID, byPartner, PARTNER),
  sealed("klarna_operations.intent_secret", ID, byPartner, PARTNER),
];

/** The name of the key of a stored value, in SQL; null when the value is no ciphertext. */
export function keyIdSql({ column, form }: Pick<SealedColumn, "column" | "form">): string {
  return form === "text"
    ? `case when ${column} like 'v1.%' then split_part(${column}, '.', 2) end`
    : `case when length(${column}) > 2 and get_byte(${column}, 0) = 1
         then encode(substring(${column} from 3 for get_byte(${column}, 1)), 'escape') end`;
}
