import type { PaymentRecordView } from "@/app/(dashboard)/payments/_components/rows";
import { DateTime } from "@/components/display/date-time";
import { Id } from "@/components/display/id";
import { Money } from "@/components/display/money";
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

export function RefundsTable({ refunds }: { refunds: PaymentRecordView["refunds"] }) {
  return (
    <Panel title="Refunds" isFlush>
      <Table>
        <TableHead>
          <tr>
            <TableHeader>Time</TableHeader>
            <TableHeader isNumeric>Amount</TableHeader>
            <TableHeader>Status</TableHeader>
            <TableHeader>Reason</TableHeader>
            <TableHeader>Refund</TableHeader>
            <TableHeader>At Klarna</TableHeader>
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
                {refund.reason === null ? (
                  <span className="text-ink-3">–</span>
                ) : (
                  <span className="block max-w-64 truncate" title={refund.reason}>
                    {refund.reason}
                  </span>
                )}
              </TableCell>
              <TableCell>
                <Id value={refund.id} />
              </TableCell>
              <TableCell>
                <Id value={refund.klarnaPaymentRefundId} />
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
