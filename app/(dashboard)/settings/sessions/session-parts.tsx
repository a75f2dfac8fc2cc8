"use client";

import type { ActionResult } from "@/components/action-result";
import { ConfirmAction } from "@/components/confirm-action";
import { DateTime } from "@/components/display/date-time";

export type SessionFacts = {
  id: string;
  browser: string;
  address: string | null;
  startedAt: string;
  lastSeenAt: string;
};

export const SESSION_LOSS =
  "That browser is asked to sign in again at its next step. What was typed there and not saved is lost.";

/** Where from, since when, and when last. */
export function SessionLine({ session }: { session: SessionFacts }) {
  return (
    <p className="flex flex-wrap items-center gap-x-3 gap-y-0.5 text-ink-3 text-xs">
      <Address of={session} />
      <span>
        Signed in <DateTime value={session.startedAt} />
      </span>
      <span>
        Last seen <DateTime value={session.lastSeenAt} format="relative" />
      </span>
    </p>
  );
}

export function EndSession({ session, onConfirm }: { session: SessionFacts; onConfirm: () => Promise<ActionResult> }) {
  return (
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
      facts={[
        { term: "Browser", value: session.browser },
        { term: "Address", value: <Address of={session} /> },
        { term: "Signed in", value: <DateTime value={session.startedAt} /> },
        { term: "Last seen", value: <DateTime value={session.lastSeenAt} format="relative" /> },
      ]}
      consequence={SESSION_LOSS}
      onConfirm={onConfirm}
    />
  );
}

function Address({ of: session }: { of: SessionFacts }) {
  return session.address === null ? (
    <span>Address unknown</span>
  ) : (
    <span className="min-w-0 break-all font-mono">{session.address}</span>
  );
}
