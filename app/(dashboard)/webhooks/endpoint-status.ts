import type { EndpointRecord } from "@/server/domain/webhooks/schema";

/** One word for an endpoint: an active one that fails is called so. */
export function endpointStatus(endpoint: Pick<EndpointRecord, "status" | "failing_since">): string {
  if (endpoint.status === "disabled") return "disabled";
  return endpoint.failing_since === null ? "enabled" : "failing";
}

const REASONS: Readonly<Record<string, string>> = {
  by_hand: "Switched off by hand",
  gone: "Answered that it is gone (410)",
  failing: "Failed for five days",
};

export function disabledWords(reason: string | null): string {
  return reason === null ? "Switched off" : (REASONS[reason] ?? reason);
}
