import type { DeliveryRecord } from "@/server/domain/webhooks/schema";

/** One word for a delivery: one that failed at least once and is tried again is told from one not tried yet. */
export function deliveryStatus(delivery: Pick<DeliveryRecord, "status" | "attempts">): string {
  return delivery.status === "pending" && delivery.attempts > 0 ? "retrying" : delivery.status;
}

export function triesWords(attempts: number): string {
  if (attempts === 0) return "not tried";
  return attempts === 1 ? "1 try" : `${attempts} tries`;
}
