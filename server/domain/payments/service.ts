/* What the module can do: the only door for reading and changing payments. */
// biome-ignore lint/performance/noBarrelFile: a service that outgrew one file is split by use case, and this is its one door
export { ANALYSIS_GROUPS, type AnalysisGroup, getPaymentAnalysis, type PaymentAnalysis } from "./analysis";
export { capturePayment, getCapture, listPaymentCaptures } from "./captures";
export { issueDisplayToken, presentSnapshot } from "./change";
export { createExpressPayment, createPayment } from "./create";
export { currenciesTaken } from "./currencies";
export { applyPaymentEvent } from "./klarna-events";
export { lookUpPayments } from "./lookup";
export { listPaymentMethods, type PaymentMethod, type PaymentMethodsQuery } from "./presentation";
export { isReturnToken } from "./purchase";
export {
  findPaymentsFor,
  getPayment,
  getPaymentRecord,
  getPaymentTimeline,
  getPaymentTotals,
  isDisplayToken,
  listPaymentRecordsPage,
  listPayments,
  PAYMENT_CHANNEL,
  type PaymentView,
  type TimelineItem,
} from "./read";
export { reauthorizePayment } from "./reauthorize";
export { getReceipt, RECEIPT_FORMATS, RECEIPT_TYPES, type Receipt, type ReceiptFormat } from "./receipts/service";
export { executeRefund, type RefundOutcome, refundOrAsk } from "./refund-approval";
export { getRefund, listRefunds, refundPayment } from "./refunds";
export { findJourney, issueJourneyTokens, type JourneyView, refreshJourney } from "./return";
export { cancelPayment } from "./stop";
export {
  type CodeLook,
  getSurroundings,
  logoFor,
  type Surroundings,
  storedLook,
} from "./surroundings";
export { advanceDuePayments, pollClassicSessions, sweepOpenPayments } from "./sweep";
export {
  AdvanceClockSchema,
  advanceTestClock,
  playCustomer,
  readTestClock,
  type TestClock,
  TestClockSchema,
} from "./test-calls";
export { requestUpdate, updatePayment } from "./updates";
export { voidPayment } from "./voids";
