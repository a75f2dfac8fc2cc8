import type { PhoneRow, TableColumn } from "@/components/data-table/types";
import { DateTime } from "@/components/display/date-time";
import { Id } from "@/components/display/id";
import { Money } from "@/components/display/money";
import { NONE } from "@/components/display/none";
import { StatusBadge } from "@/components/display/status-badge";
import { CHANNEL_WORDS, LAUNCH_WORDS, RAIL_WORDS, REASON_WORDS } from "./payment-words";
import type { PaymentListRow } from "./rows";

const TIME: TableColumn<PaymentListRow> = {
  id: "created_at",
  header: "Time",
  cell: (row) => <DateTime value={row.createdAt} />,
  isFixed: true,
  skeleton: 112,
};
const PARTNER: TableColumn<PaymentListRow> = {
  id: "partner",
  header: "Partner",
  cell: (row) => (
    <span className="block max-w-36 truncate" title={row.partner.name}>
      {row.partner.name}
    </span>
  ),
  skeleton: 110,
};

export const PAYMENT_COLUMNS: readonly TableColumn<PaymentListRow>[] = [
  TIME,
  {
    id: "reference",
    header: "Reference",
    cell: (row) => (
      <span className="block min-w-28 max-w-72 truncate font-medium" title={row.reference}>
        {row.reference}
      </span>
    ),
    isFixed: true,
    isWide: true,
    skeleton: 120,
  },
  {
    id: "amount",
    header: "Amount",
    cell: (row) => <Money amount={row.amount} currency={row.currency} />,
    isNumeric: true,
    isFixed: true,
    skeleton: 84,
  },
  {
    id: "status",
    header: "Status",
    cell: (row) => <StatusBadge kind="payment" status={row.status} {...statusDetail(row)} />,
    isFixed: true,
    skeleton: 96,
  },
  PARTNER,
  {
    id: "store",
    header: "Store",
    cell: (row) =>
      row.store === null ? (
        NONE
      ) : (
        <span className="block max-w-40 truncate" title={row.store.name ?? undefined}>
          {row.store.name}
        </span>
      ),
    skeleton: 100,
  },
  {
    id: "terminal",
    header: "Terminal",
    cell: (row) =>
      row.terminal === null ? (
        NONE
      ) : (
        <span className="block max-w-28 truncate" title={row.terminal.label ?? undefined}>
          {row.terminal.label}
        </span>
      ),
    skeleton: 72,
  },
  {
    id: "captured",
    header: "Captured",
    cell: (row) => <Money amount={row.amountCaptured} currency={row.currency} isQuietWhenZero />,
    isNumeric: true,
    isHiddenAtFirst: true,
  },
  {
    id: "refunded",
    header: "Refunded",
    cell: (row) => <Money amount={row.amountRefunded} currency={row.currency} isQuietWhenZero />,
    isNumeric: true,
    isHiddenAtFirst: true,
  },
  {
    id: "left",
    header: "Left to capture",
    cell: (row) => <Money amount={leftToCapture(row)} currency={row.currency} isQuietWhenZero />,
    isNumeric: true,
    isHiddenAtFirst: true,
  },
  {
    id: "ends",
    header: "Authorized until",
    cell: (row) =>
      row.status === "authorized" && row.authorizationExpiresAt !== null ? (
        <DateTime value={row.authorizationExpiresAt} />
      ) : (
        NONE
      ),
    isHiddenAtFirst: true,
  },
  {
    id: "reason",
    header: "Reason",
    cell: (row) => reasonWords(row) ?? NONE,
    isHiddenAtFirst: true,
  },
  {
    id: "channel",
    header: "Channel",
    cell: (row) => `${CHANNEL_WORDS[row.channel]} · ${LAUNCH_WORDS[row.launch]}`,
    isHiddenAtFirst: true,
  },
  { id: "rail", header: "Interface", cell: (row) => RAIL_WORDS[row.rail], isHiddenAtFirst: true },
  {
    id: "klarna",
    header: "Klarna’s transaction",
    cell: (row) => <Id value={row.klarnaPaymentTransactionId ?? row.klarnaPaymentRequestId} />,
    isHiddenAtFirst: true,
  },
  { id: "id", header: "Id", cell: (row) => <Id value={row.id} />, skeleton: 120 },
];

/** For people of one Partner its name on every row says nothing. */
export const OWN_PAYMENT_COLUMNS = PAYMENT_COLUMNS.filter((column) => column !== PARTNER);

/** Authorized and neither captured nor released; nothing once the authorization is over. */
export function leftToCapture(row: PaymentListRow): number {
  return row.status === "authorized" ? row.amountAuthorized - row.amountCaptured - row.amountVoided : 0;
}

/** Why a payment was declined or failed, in a few words; null for all others. */
export function reasonWords(row: PaymentListRow): string | null {
  if (row.status === "declined") return REASON_WORDS["declined"] ?? null;
  return row.failureCode === null ? null : (REASON_WORDS[row.failureCode] ?? row.failureCode);
}

/** Completed stays completed; what went back is said beside it. */
export function statusDetail(row: PaymentListRow): { detail: string } | Record<string, never> {
  if (row.amountRefunded === 0) return {};
  return { detail: row.amountRefunded >= row.amountCaptured ? "refunded" : "partly refunded" };
}

export function paymentPhoneRow(row: PaymentListRow): PhoneRow {
  return {
    primary: row.reference,
    aside: <Money amount={row.amount} currency={row.currency} className="font-medium" />,
    secondary: (
      <>
        <DateTime value={row.createdAt} />
        {row.store === null ? null : ` · ${row.store.name}`}
      </>
    ),
    asideSecondary: <StatusBadge kind="payment" status={row.status} {...statusDetail(row)} />,
  };
}
