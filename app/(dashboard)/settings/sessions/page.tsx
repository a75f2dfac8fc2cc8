import type { Metadata } from "next";
import { Page, PageHeader } from "@/components/page-header";
import { CrumbLabel } from "@/components/shell/crumb-label";
import { SubNav } from "@/components/sub-nav";
import { listSessionsOf } from "@/server/auth/own-sessions";
import { idleMsOf, SESSION_LIFE_MS } from "@/server/auth/sessions";
import { requireSession, webContext } from "@/server/auth/web";
import { HOUR_MS, MINUTE_MS } from "@/server/core/time";
import { settingsNav } from "../nav";
import { browserWords } from "./browser-words";
import { EndOthers } from "./end-others";
import { SessionList, type SessionView } from "./session-list";

export const metadata: Metadata = { title: "Your sessions" };

export default async function SessionsPage() {
  const ctx = await webContext("sessions:own");
  const { id, user } = await requireSession();
  const views: SessionView[] = (await listSessionsOf(ctx, user)).map((session) => {
    const browser = browserWords(session.userAgent);
    return {
      id: session.id,
      browser: browser.text,
      isHandheld: browser.isHandheld,
      isCurrent: session.id === id,
      address: session.address,
      startedAt: session.createdAt.toISOString(),
      lastSeenAt: session.lastSeenAt.toISOString(),
    };
  });
  const others = views.filter((view) => !view.isCurrent);
  return (
    <Page>
      <CrumbLabel label="Your sessions" />
      <PageHeader
        title="Your sessions"
        description={`The browsers in which you are signed in. A session ends by itself after ${idleMsOf(user.audience) / MINUTE_MS} minutes without use, and after ${SESSION_LIFE_MS / HOUR_MS} hours in any case.`}
        actions={others.length === 0 ? undefined : <EndOthers count={others.length} />}
      />
      <SubNav label="Settings" items={settingsNav(user)} />
      <SessionList current={views.find((view) => view.isCurrent)} others={others} />
    </Page>
  );
}
