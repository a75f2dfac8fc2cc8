import type { Services } from "@/server/context";
export async function measureDeliveries(_services: Services, _partnerId: string): Promise<{ floor?: number; ours: number }> {
  return { ours: Number.NaN };
}
