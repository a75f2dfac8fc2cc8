"use client";

import { ConfirmAction } from "@/components/confirm-action";
import { DateTime } from "@/components/display/date-time";
import { Panel } from "@/components/ui/panel";
import { endSessionsAction } from "../actions";

type SessionView = { id: string; browser: string; address: string | null; startedAt: string; lastSeenAt: string };

/** Where a person is signed in now. */
export function PersonSessions({
  personId,
  sessions,
  canEnd,
}: {
  personId: string;
  sessions: readonly SessionView[];
  canEnd: boolean;
}) {
  const consequence =
    "That browser is asked to sign in again at its next step. What was typed there and not saved is lost.";
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
            consequence={consequence}
            onConfirm={() => endSessionsAction(personId, null)}
          />
        ) : undefined
      }
    >
      {sessions.length === 0 ? (
        <p className="px-4 py-6 text-center text-ink-3 text-sm">Not signed in anywhere.</p>
      ) : (
        <ul>
          {sessions.map((session) => (
            <li
              key={session.id}
              className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-3 border-line border-b px-4 py-2 last:border-b-0"
            >
              <div className="min-w-0">
                <p className="font-medium text-sm">{session.browser}</p>
                <p className="flex flex-wrap gap-x-3 text-ink-3 text-xs">
                  <span className="break-all font-mono">{session.address ?? "Address unknown"}</span>
                  <span>
                    Signed in <DateTime value={session.startedAt} />
                  </span>
                  <span>
                    Last seen <DateTime value={session.lastSeenAt} format="relative" />
                  </span>
                </p>
              </div>
              {canEnd ? (
                <ConfirmAction
                  label={
                    <>
                      End<span className="sr-only"> the session of {session.browser}</span>
                    </>
                  }
                  size="sm"
                  variant="danger-quiet"
                  title="End this session?"
                  verb="End session"
                  facts={[{ term: "Browser", value: session.browser }]}
                  consequence={consequence}
                  onConfirm={() => endSessionsAction(personId, session.id)}
                />
              ) : null}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
