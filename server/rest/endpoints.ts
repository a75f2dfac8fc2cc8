import { defineEndpoint, type Endpoint } from "./endpoint";
import { documentText } from "./openapi";
import { captureEndpoints } from "./v1/captures";
import { eventEndpoints } from "./v1/events";
import { importEndpoints } from "./v1/imports";
import { partnerBrandEndpoints } from "./v1/partner-brands";
import { partnerDraftEndpoints } from "./v1/partner-drafts";
import { partnerStoreEndpoints } from "./v1/partner-stores";
import { partnerEndpoints } from "./v1/partners";
import { paymentChangeEndpoints } from "./v1/payment-changes";
import { paymentEventsEndpoint, qrPngEndpoint, qrSvgEndpoint } from "./v1/payment-display";
import { paymentMethodsEndpoint } from "./v1/payment-methods";
import { cancelPaymentEndpoint, createPaymentEndpoint, getPaymentEndpoint, listPaymentsEndpoint } from "./v1/payments";
import { expressPaymentEndpoint } from "./v1/payments-express";
import { getReceiptEndpoint } from "./v1/receipts";
import { createRefundEndpoint, getRefundEndpoint, listRefundsEndpoint } from "./v1/refunds";
import { storeEndpoints } from "./v1/stores";
import { liveEndpoint, readyEndpoint } from "./v1/system";
import { terminalEndpoints } from "./v1/terminals";
import { testCallEndpoints } from "./v1/test-calls";
import { webhookEndpointEndpoints } from "./v1/webhook-endpoints";

const openapiEndpoint = defineEndpoint({
  method: "GET",
  path: "/api/openapi.json",
  operation: "openapi",
  summary: "This document",
  tag: "Service",
  access: "public",
  scope: null,
  responses: { 200: { description: "OpenAPI 3.1", content: "application/json" } },
  handle: ({ services }) => Promise.resolve(documentText(ENDPOINTS, services.env.PUBLIC_URL)),
  answer: (body) => ({ status: 200, bytes: { type: "application/json; charset=utf-8", body } }),
});

/** Every endpoint that there is. The front door, the Next app, the document and the tests start from this list. */
export const ENDPOINTS: readonly Endpoint[] = [
  createPaymentEndpoint,
  expressPaymentEndpoint,
  listPaymentsEndpoint,
  getPaymentEndpoint,
  cancelPaymentEndpoint,
  ...paymentChangeEndpoints,
  paymentEventsEndpoint,
  qrSvgEndpoint,
  qrPngEndpoint,
  getReceiptEndpoint,
  ...captureEndpoints,
  createRefundEndpoint,
  listRefundsEndpoint,
  getRefundEndpoint,
  paymentMethodsEndpoint,
  ...storeEndpoints,
  ...terminalEndpoints,
  ...webhookEndpointEndpoints,
  ...eventEndpoints,
  ...testCallEndpoints,
  ...partnerEndpoints,
  ...partnerDraftEndpoints,
  ...partnerBrandEndpoints,
  ...partnerStoreEndpoints,
  ...importEndpoints,
  openapiEndpoint,
  readyEndpoint,
  liveEndpoint,
];
