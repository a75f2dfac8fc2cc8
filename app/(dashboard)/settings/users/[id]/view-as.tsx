"use client";

import { ConfirmAction } from "@/components/confirm-action";
import { viewAsAction } from "../impersonation";

/** Begins to see the screens as this person does. */
export function ViewAs({ person }: { person: { id: string; name: string; roleName: string } }) {
  return (
    <ConfirmAction
      label="View as"
      title={`View as ${person.name}?`}
      verb="View as"
      tone="primary"
      facts={[
        { term: "Role", value: person.roleName },
        { term: "Ends", value: "After 30 minutes at the latest" },
      ]}
      consequence="You see what they see. Money, keys, people, payout data and their own security stay closed. They hear of it by mail with your reason, and the audit names both of you."
      reason={{ label: "Reason", isRequired: true }}
      onConfirm={({ reason }) => viewAsAction(person.id, reason)}
      // A whole load: nothing of one's own screens may stay in this tab.
      onDone={() => window.location.assign("/")}
    />
  );
}
