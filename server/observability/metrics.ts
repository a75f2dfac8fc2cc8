import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Counters and histograms of this process, in Prometheus' text format on the gateway's metrics address. */
export const registry = new Registry();
collectDefaultMetrics({ register: registry });

export const klarnaCalls = new Counter({
  name: "tillgate_klarna_calls_total",
  help: "Calls to Klarna by operation and outcome",
  labelNames: ["operation", "outcome"] as const,
  registers: [registry],
});

export const klarnaRetriesRefused = new Counter({
  name: "tillgate_klarna_retries_refused_total",
  help: "Repeats of calls to Klarna that the retry budget did not allow",
  labelNames: ["operation"] as const,
  registers: [registry],
});

export const klarnaSeconds = new Histogram({
  name: "tillgate_klarna_call_seconds",
  help: "Time of calls to Klarna",
  labelNames: ["operation"] as const,
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers: [registry],
});

export const unknownWords = new Counter({
  name: "tillgate_klarna_unknown_words_total",
  help: "Words from Klarna that we do not know, by field",
  labelNames: ["field"] as const,
  registers: [registry],
});

export const webhooksReceived = new Counter({
  name: "tillgate_klarna_webhooks_total",
  help: "Klarna's webhooks by result",
  labelNames: ["result"] as const,
  registers: [registry],
});

export const webhooksProcessed = new Counter({
  name: "tillgate_klarna_events_processed_total",
  help: "Events from Klarna by what became of them; unhandled are those of a type that nothing acts on",
  labelNames: ["result"] as const,
  registers: [registry],
});

export const restRequests = new Histogram({
  name: "tillgate_rest_seconds",
  help: "Partner API requests by endpoint and status",
  labelNames: ["endpoint", "status"] as const,
  buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 15],
  registers: [registry],
});

export const requestsShed = new Counter({
  name: "tillgate_requests_shed_total",
  help: "Requests refused because too many came at once, by kind: webhook, call or list",
  labelNames: ["kind"] as const,
  registers: [registry],
});

export const eventStreams = new Gauge({
  name: "tillgate_event_streams",
  help: "Open event streams",
  registers: [registry],
});
