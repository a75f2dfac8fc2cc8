import type { Account } from "../model";
import type { Classic } from "./context";
import type { ClassicOperation } from "./operations";
import {
  acknowledge,
  addCapture,
  addRefund,
  addShippingInfo,
  cancelOrder,
  extendAuthorization,
  extendDueDate,
  getOrder,
  listCaptures,
  type OrderAndMoney,
  orderView,
  readCapture,
  readRefund,
  releaseRemaining,
  triggerSendOut,
  updateAuthorization,
  updateCustomer,
  updateReferences,
} from "./orders";
import { type ClassicOutcome, type ClassicRoute, json, NOTHING } from "./routing";

/** Order management: which call is which operation on an order. */

export function orderRoute(classic: Classic, method: string, parts: string[]): ClassicRoute | null {
  const [noun, id, sub, subId, subSub] = parts;
  if (noun !== "orders" || id === undefined || parts.length > 5) return null;
  const read = (operation: ClassicOperation, view: (found: OrderAndMoney) => unknown): ClassicRoute => ({
    operation,
    isKeyed: false,
    run: (account) => json(view(getOrder(classic, account, id))),
  });
  const change = (
    operation: ClassicOperation,
    work: (account: Account, found: OrderAndMoney, body: unknown) => ClassicOutcome | undefined,
  ): ClassicRoute => ({
    operation,
    isKeyed: true,
    run: (account, body) => work(account, getOrder(classic, account, id), body) ?? NOTHING,
  });
  const created = (noun: string, header: string, newId: string): ClassicOutcome => ({
    status: 201,
    body: null,
    headers: {
      location: `${classic.sim.publicUrl()}/ordermanagement/v1/orders/${id}/${noun}/${newId}`,
      [header]: newId,
    },
  });
  const wanted = [method, sub, subId === undefined ? undefined : "*", subSub]
    .filter((part) => part !== undefined)
    .join(" ");
  switch (wanted) {
    case "GET":
      return read("order_read", orderView);
    case "POST acknowledge":
      return change("order_acknowledge", (_account, found) => void acknowledge(classic, found));
    case "PATCH authorization":
      return change(
        "order_update_authorization",
        (account, found, body) => void updateAuthorization(classic, account, found, body),
      );
    case "PATCH customer-details":
      return change("order_update_customer", (_account, found, body) => void updateCustomer(classic, found, body));
    case "PATCH merchant-references":
      return change("order_update_references", (_account, found, body) => void updateReferences(classic, found, body));
    case "POST extend-authorization-time":
      return change(
        "order_extend_authorization",
        (account, found) => void extendAuthorization(classic, account, found),
      );
    case "POST release-remaining-authorization":
      return change("order_release_remaining", (account, found) => void releaseRemaining(classic, account, found));
    case "POST cancel":
      return change("order_cancel", (account, found) => void cancelOrder(classic, account, found));
    case "POST captures":
      return change("order_capture", (account, found, body) =>
        created("captures", "capture-id", addCapture(classic, account, found.order, body).capture_id),
      );
    case "GET captures":
      return read("order_list_captures", listCaptures);
    case "GET captures *":
      return read("order_read_capture", (found) => readCapture(found, subId ?? ""));
    case "POST captures * shipping-info":
      return change(
        "order_add_shipping_info",
        (_account, found, body) => void addShippingInfo(classic, found.order, subId ?? "", body),
      );
    case "POST captures * trigger-send-out":
      return change("order_trigger_send_out", (_account, found) => void triggerSendOut(found.order, subId ?? ""));
    case "PATCH captures * extend-due-date":
      return change(
        "order_extend_due_date",
        (_account, found, body) => void extendDueDate(classic, found.order, subId ?? "", body),
      );
    case "POST refunds":
      return change("order_refund", (account, found, body) =>
        created("refunds", "refund-id", addRefund(classic, account, found, body).refund_id),
      );
    case "GET refunds *":
      return read("order_read_refund", (found) => readRefund(found, subId ?? ""));
    default:
      return null;
  }
}
