"use client";

import { Laptop, Smartphone } from "lucide-react";
import { EmptyState } from "@/components/empty-state";
import { Badge } from "@/components/ui/badge";
import { Panel } from "@/components/ui/panel";
import { endSessionAction } from "./actions";
import { EndSession, type SessionFacts, SessionLine } from "./session-parts";

export type SessionView = SessionFacts & { isHandheld: boolean; isCurrent: boolean };

/** The browser that asks first, then the others, the last used of them on top. */
export function SessionList({ current, others }: { current: SessionView | undefined; others: readonly SessionView[] }) {
  return (
    <Panel title="Signed in now" isFlush>
      <ul>
        {[...(current === undefined ? [] : [current]), ...others].map((session) => (
          <SessionRow key={session.id} session={session} />
        ))}
      </ul>
      {others.length === 0 ? (
        <EmptyState
          icon={Laptop}
          title="Only this browser"
          description="You are signed in nowhere else. Every further browser in which you sign in is listed here, with a way to end its session."
          className="border-line border-t sm:max-w-none"
        />
      ) : null}
    </Panel>
  );
}

function SessionRow({ session }: { session: SessionView }) {
  const Icon = session.isHandheld ? Smartphone : Laptop;
  return (
    <li className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-start gap-x-3 border-line border-b px-4 py-3 last:border-b-0">
      <Icon aria-hidden className="mt-0.5 size-4 text-ink-3" />
      <div className="grid min-w-0 gap-1">
        <p className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
          <span className="min-w-0 break-words font-medium text-sm">{session.browser}</span>
          {session.isCurrent ? (
            <Badge tone="good" hasDot>
              This browser
            </Badge>
          ) : null}
        </p>
        <SessionLine session={session} />
      </div>
      {session.isCurrent ? null : <EndSession session={session} onConfirm={() => endSessionAction(session.id)} />}
    </li>
  );
}
