import type { PaymentRecordView } from "@/app/(dashboard)/payments/_components/rows";
import { DateTime } from "@/components/display/date-time";
import { Id } from "@/components/display/id";
import { Money } from "@/components/display/money";
import { NONE } from "@/components/display/none";
import { StatusBadge } from "@/components/display/status-badge";
import { Panel } from "@/components/ui/panel";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { operationWord } from "./timeline-items";

export function CapturesTable({ captures }: { captures: PaymentRecordView["captures"] }) {
  return (
    <Panel title="Captures" isFlush>
      <Table>
        <TableHead>
          <tr>
            <TableHeader>Time</TableHeader>
            <TableHeader isNumeric>Amount</TableHeader>
            <TableHeader>Status</TableHeader>
            <TableHeader>Reference</TableHeader>
            <TableHeader>Delivery and lines</TableHeader>
            <TableHeader>Capture</TableHeader>
            <TableHeader>At Klarna</TableHeader>
          </tr>
        </TableHead>
        <TableBody>
          {captures.map((capture) => (
            <TableRow key={capture.id}>
              <TableCell>
                <DateTime value={capture.createdAt} precision="second" />
              </TableCell>
              <TableCell isNumeric>
                <Money amount={capture.amount} currency={capture.currency} />
              </TableCell>
              <TableCell>
                <StatusBadge kind="capture" status={capture.state} />
              </TableCell>
              <TableCell>{capture.automatic ? "With the approval" : <Short text={capture.reference} />}</TableCell>
              <TableCell>
                {capture.shipping === null ? null : <Tracking shipping={capture.shipping} />}
                <Lines items={capture.lineItems} currency={capture.currency} />
                {capture.shipping === null && capture.lineItems.length === 0 ? NONE : null}
              </TableCell>
              <TableCell>
                <Id value={capture.id} />
              </TableCell>
              <TableCell>
                <Id value={capture.klarnaPaymentCaptureId} />
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Panel>
  );
}

function Short({ text }: { text: string | null }) {
  if (text === null) return NONE;
  return (
    <span className="block max-w-64 truncate" title={text}>
      {text}
    </span>
  );
}

type Shipping = NonNullable<PaymentRecordView["captures"][number]["shipping"]>;

function Tracking({ shipping: { reference, trackingNumber, trackingUrl } }: { shipping: Shipping }) {
  const words = trackingNumber ?? reference ?? (trackingUrl === null ? "Delivery kept" : "Tracking");
  if (trackingUrl === null) return <span className="block">{words}</span>;
  return (
    <a
      href={trackingUrl}
      target="_blank"
      rel="noreferrer noopener"
      className="block max-w-48 truncate text-accent underline-offset-2 hover:underline"
    >
      {words}
    </a>
  );
}

/** The lines of a capture or refund, folded away. */
function Lines({ items, currency }: { items: PaymentRecordView["payment"]["lineItems"]; currency: string }) {
  if (items.length === 0) return null;
  return (
    <details>
      <summary className="cursor-pointer text-ink-2 text-xs">
        {items.length} {items.length === 1 ? "line" : "lines"}
      </summary>
      <ul className="mt-1 grid gap-0.5 text-xs">
        {items.map((item, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines never change their order
          <li key={index} className="flex justify-between gap-3">
            <span className="min-w-0 truncate">
              {item.quantity === 1 ? "" : `${item.quantity.toLocaleString("en")} × `}
              {item.name}
            </span>
            <Money amount={item.total_amount} currency={currency} />
          </li>
        ))}
      </ul>
    </details>
  );
}

export function RefundsTable({ refunds, paymentId }: { refunds: PaymentRecordView["refunds"]; paymentId: string }) {
  return (
    <Panel title="Refunds" isFlush>
      <Table>
        <TableHead>
          <tr>
            <TableHeader>Time</TableHeader>
            <TableHeader isNumeric>Amount</TableHeader>
            <TableHeader>Status</TableHeader>
            <TableHeader>Reason and lines</TableHeader>
            <TableHeader>Reference</TableHeader>
            <TableHeader>Taken at</TableHeader>
            <TableHeader>Refund</TableHeader>
            <TableHeader>At Klarna</TableHeader>
            <TableHeader>Receipt</TableHeader>
          </tr>
        </TableHead>
        <TableBody>
          {refunds.map((refund) => (
            <TableRow key={refund.id}>
              <TableCell>
                <DateTime value={refund.createdAt} precision="second" />
              </TableCell>
              <TableCell isNumeric>
                <Money amount={refund.amount} currency={refund.currency} />
              </TableCell>
              <TableCell>
                <StatusBadge kind="refund" status={refund.state} />
              </TableCell>
              <TableCell>
                <Short text={refund.reason} />
                <Lines items={refund.lineItems} currency={refund.currency} />
              </TableCell>
              <TableCell>
                <Short text={refund.reference} />
              </TableCell>
              <TableCell>
                <Short text={[refund.storeReference, refund.terminalReference].filter(Boolean).join(" · ") || null} />
              </TableCell>
              <TableCell>
                <Id value={refund.id} />
              </TableCell>
              <TableCell>
                <Id value={refund.klarnaPaymentRefundId} />
              </TableCell>
              <TableCell>
                {refund.state === "SUCCEEDED" ? (
                  <a
                    href={`/payments/${paymentId}/receipt?format=html&refund=${refund.id}`}
                    target="_blank"
                    rel="noreferrer"
                    className="text-accent underline-offset-2 hover:underline"
                  >
                    Open
                  </a>
                ) : (
                  NONE
                )}
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Panel>
  );
}

export function LineItemsTable({
  items,
  currency,
}: {
  items: PaymentRecordView["payment"]["lineItems"];
  currency: string;
}) {
  return (
    <Panel title="Line items" isFlush>
      <Table>
        <TableHead>
          <tr>
            <TableHeader>Name</TableHeader>
            <TableHeader isNumeric>Quantity</TableHeader>
            <TableHeader isNumeric>Unit price</TableHeader>
            <TableHeader isNumeric>Total</TableHeader>
          </tr>
        </TableHead>
        <TableBody>
          {items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the items of a payment never change their order
            <TableRow key={index}>
              <TableCell>{item.name}</TableCell>
              <TableCell isNumeric>{item.quantity.toLocaleString("en")}</TableCell>
              <TableCell isNumeric>
                <Money amount={item.unit_price} currency={currency} />
              </TableCell>
              <TableCell isNumeric>
                <Money amount={item.total_amount} currency={currency} />
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Panel>
  );
}

/** Each intended effect at Klarna, written down before it was asked for. */
export function JournalTable({ operations }: { operations: PaymentRecordView["operations"] }) {
  return (
    <Panel title="Operations at Klarna" isFlush>
      <Table>
        <TableHead>
          <tr>
            <TableHeader>Operation</TableHeader>
            <TableHeader>Status</TableHeader>
            <TableHeader isNumeric>Calls</TableHeader>
            <TableHeader>Opened</TableHeader>
            <TableHeader>Idempotency key</TableHeader>
          </tr>
        </TableHead>
        <TableBody>
          {operations.map((operation) => (
            <TableRow key={operation.id}>
              <TableCell className="whitespace-nowrap">{operationWord(operation.kind)}</TableCell>
              <TableCell>
                <StatusBadge kind="operation" status={operation.state} />
              </TableCell>
              <TableCell isNumeric>{operation.attempts}</TableCell>
              <TableCell>
                <DateTime value={operation.openedAt} precision="second" />
              </TableCell>
              <TableCell>
                <Id value={operation.idempotencyKey} />
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Panel>
  );
}
