import type { ReactNode } from "react";
import type { PaymentRecordView } from "@/app/(dashboard)/payments/_components/rows";
import { DateTime } from "@/components/display/date-time";
import { Id } from "@/components/display/id";
import { Notice } from "@/components/notice";

/** What a person must know before anything else on the record. Nothing when all is well. */
export function PaymentNotices({ view }: { view: PaymentRecordView }): ReactNode {
  const notices = [
    ...view.alarms.map((alarm) => (
      <Notice key={alarm.id} tone="bad" title={alarm.message}>
        <span className="text-xs">
          Raised <DateTime value={alarm.raisedAt} format="both" precision="second" />
        </span>
      </Notice>
    )),
    ...stateNotices(view),
  ];
  return notices.length === 0 ? null : <div className="grid gap-2">{notices}</div>;
}

function stateNotices({ payment, operations, alarms }: PaymentRecordView): ReactNode[] {
  const found: ReactNode[] = [];
  if (payment.lateTransactionId !== null) {
    found.push(
      <Notice
        key="late"
        tone="warn"
        title={
          payment.lateApprovalState === "FOUND"
            ? "Klarna approved this payment after it had ended. The approval is being undone."
            : "Klarna approved this payment after it had ended. The approval was undone; the customer is not charged."
        }
      >
        <Id value={payment.lateTransactionId} isFull />
      </Notice>,
    );
  }
  const isOpen = ["processing", "pending", "in_progress", "finalizing"].includes(payment.status);
  if (payment.stopMark !== null && isOpen) {
    found.push(
      <Notice key="stop" tone="info" title={payment.stopMark === "CANCEL" ? "Being canceled" : "Time has run out"}>
        Klarna was asked to cancel the request. The payment ends when Klarna confirms it.
      </Notice>,
    );
  }
  if (alarms.length === 0 && operations.some((operation) => operation.state === "UNKNOWN")) {
    found.push(
      <Notice key="unknown" tone="warn" title="A call to Klarna has no definite answer yet">
        It is repeated with the same key until there is one, so nothing happens twice. Nothing needs to be done.
      </Notice>,
    );
  }
  if (payment.fundingType === "NON_GUARANTEED" && payment.fundingState?.toUpperCase() === "PENDING") {
    found.push(
      <Notice key="funding" tone="warn" title="Do not hand over the goods yet">
        Klarna has not guaranteed the money of this payment.
      </Notice>,
    );
  }
  return found;
}
