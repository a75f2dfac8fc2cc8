/* What the module can do: the only door for reading and changing payments. */
// biome-ignore lint/performance/noBarrelFile: a service that outgrew one file is split by use case, and this is its one door
export { getRefund, listRefunds, refundPayment, voidPayment } from "./after";
export { issueDisplayToken, presentSnapshot } from "./change";
export { createExpressPayment, createPayment } from "./create";
export { listPaymentMethods, type PaymentMethod, type PaymentMethodsQuery } from "./presentation";
export { applyPaymentEvent } from "./klarna-events";
export {
  getPayment,
  getPaymentRecord,
  getPaymentTimeline,
  getPaymentTotals,
  isDisplayToken,
  listPaymentRecordsPage,
  listPayments,
  PAYMENT_CHANNEL,
  type PaymentView,
  playCustomer,
  type TimelineItem,
} from "./read";
export { executeRefund, type RefundOutcome, refundOrAsk } from "./refund-approval";
export { cancelPayment } from "./stop";
export {
  type CodeLook,
  getSurroundings,
  logoFor,
  type Surroundings,
  storedLook,
} from "./surroundings";
export { advanceDuePayments, sweepOpenPayments } from "./sweep";
