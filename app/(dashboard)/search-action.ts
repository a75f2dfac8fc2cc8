"use server";

import { unstable_rethrow } from "next/navigation";
import type { Hit } from "@/components/shell/nav";
import { routeContext } from "@/server/auth/web";
import { searchRecords } from "@/server/domain/overview/service";

const PATHS = { payment: "/payments/", partner: "/partners/", store: "/stores/", terminal: "/terminals/" } as const;

/** What the palette finds for an id, a reference or a name: only what the person may open. */
export async function searchAction(text: unknown): Promise<readonly Hit[]> {
  try {
    const ctx = await routeContext("overview:read");
    const hits = await searchRecords(ctx, typeof text === "string" ? text : "");
    return hits.map((hit) => ({ id: hit.id, label: hit.label, hint: hit.hint, href: `${PATHS[hit.kind]}${hit.id}` }));
  } catch (error) {
    unstable_rethrow(error);
    return [];
  }
}
