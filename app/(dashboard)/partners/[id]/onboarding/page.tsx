import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { Prefetched } from "@/app/(dashboard)/prefetched";
import { can } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { getDraft } from "@/server/domain/partners/service";
import { Onboarding } from "./onboarding";

export const metadata: Metadata = { title: "Onboarding" };

export default async function OnboardingPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("partners:draft");
  const { user } = await requireSession();
  const { id } = await params;
  // Who may not see it, and what was onboarded before drafts were kept, has no such page.
  await orNotFound(getDraft(ctx, id));
  const isAcquirer = ctx.scope.partners === "all";
  return (
    <Prefetched load={(trpc, client) => client.prefetchQuery(trpc.partners.draft.get.queryOptions({ partner: id }))}>
      <Onboarding
        partnerId={id}
        isAcquirer={isAcquirer}
        canInvite={isAcquirer && can(user, "partners:write") && can(user, "users:write")}
        canImport={can(user, "imports:write") && can(user, "stores:write") && can(user, "terminals:write")}
      />
    </Prefetched>
  );
}
