"use client";

import { ConfirmAction } from "@/components/confirm-action";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import { EndSession, SESSION_LOSS, type SessionFacts, SessionLine } from "../../sessions/session-parts";
import { endSessionsAction } from "../actions";

/** Where a person is signed in now. */
export function PersonSessions({
  personId,
  sessions,
  canEnd,
}: {
  personId: string;
  sessions: readonly SessionFacts[];
  canEnd: boolean;
}) {
  return (
    <Panel
      title="Signed in now"
      isFlush
      actions={
        canEnd && sessions.length > 0 ? (
          <ConfirmAction
            label="End all"
            size="sm"
            variant="danger-quiet"
            title="End all sessions of this person?"
            verb="End all sessions"
            consequence={SESSION_LOSS}
            onConfirm={() => endSessionsAction(personId, null)}
          />
        ) : undefined
      }
    >
      {sessions.length === 0 ? (
        <PanelEmpty>Not signed in anywhere.</PanelEmpty>
      ) : (
        <ul>
          {sessions.map((session) => (
            <li
              key={session.id}
              className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-3 border-line border-b px-4 py-2 last:border-b-0"
            >
              <div className="min-w-0">
                <p className="font-medium text-sm">{session.browser}</p>
                <SessionLine session={session} />
              </div>
              {canEnd ? (
                <EndSession session={session} onConfirm={() => endSessionsAction(personId, session.id)} />
              ) : null}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
