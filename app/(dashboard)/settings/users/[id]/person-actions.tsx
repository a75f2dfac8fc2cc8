"use client";

import dynamic from "next/dynamic";
import { useState } from "react";
import type { PartnerOption } from "@/app/(dashboard)/partner-options";
import { ConfirmAction } from "@/components/confirm-action";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import {
  changeAccessAction,
  disablePersonAction,
  enablePersonAction,
  resendInvitationAction,
  resetSecondFactorsAction,
  withdrawInvitationAction,
} from "../actions";
import type { RoleChoice } from "../role-choices";

const AccessForm = dynamic(() => import("../access-form").then((module) => module.AccessForm));

type Person = {
  id: string;
  name: string;
  email: string;
  state: string;
  role: string;
  partners: string[];
  hasTwoFactor: boolean;
};

export function PersonActions({
  person,
  roles,
  partners,
}: {
  person: Person;
  roles: readonly RoleChoice[];
  partners: readonly PartnerOption[];
}) {
  const facts = [
    { term: "Name", value: person.name },
    { term: "E-mail", value: person.email },
  ];
  return (
    <>
      {person.state === "WITHDRAWN" ? null : <ChangeAccess person={person} roles={roles} partners={partners} />}
      {person.state === "INVITED" ? (
        <>
          <ConfirmAction
            label="Send again"
            title="Send the invitation again?"
            verb="Send invitation"
            tone="primary"
            facts={facts}
            consequence="A new link goes out by mail. The one sent before ends."
            onConfirm={() => resendInvitationAction(person.id)}
          />
          <ConfirmAction
            label="Withdraw"
            variant="danger-quiet"
            title="Withdraw the invitation?"
            verb="Withdraw invitation"
            facts={facts}
            consequence="Its link ends at once. The person can be invited again later."
            onConfirm={() => withdrawInvitationAction(person.id)}
          />
        </>
      ) : null}
      {person.state === "ACTIVE" && person.hasTwoFactor ? (
        <ConfirmAction
          label="Reset second step"
          variant="danger-quiet"
          title={`Reset the second step of ${person.name}?`}
          verb="Reset second step"
          facts={facts}
          consequence="Their authenticator app, passkeys and recovery codes no longer count, and every session ends. Make sure first that it is this person who asks."
          onConfirm={() => resetSecondFactorsAction(person.id)}
        />
      ) : null}
      {person.state === "ACTIVE" ? (
        <ConfirmAction
          label="Disable"
          variant="danger-quiet"
          title={`Disable ${person.name}?`}
          verb="Disable"
          facts={facts}
          consequence="Every session ends at once and nobody can sign in as this person. What they did stays in the audit."
          onConfirm={() => disablePersonAction(person.id)}
        />
      ) : null}
      {person.state === "DISABLED" ? (
        <ConfirmAction
          label="Enable"
          title={`Let ${person.name} in again?`}
          verb="Enable"
          tone="primary"
          facts={facts}
          consequence="They can sign in with the password and second factor they had."
          onConfirm={() => enablePersonAction(person.id)}
        />
      ) : null}
    </>
  );
}

function ChangeAccess({
  person,
  roles,
  partners,
}: {
  person: Person;
  roles: readonly RoleChoice[];
  partners: readonly PartnerOption[];
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button>Change access</Button>
      </DialogTrigger>
      <DialogContent
        title={`Access of ${person.name}`}
        description="Counts at their next step: nobody has to sign in again."
        className="max-w-[560px]"
      >
        <AccessForm
          roles={roles}
          partners={partners}
          submitWord="Change access"
          person={person}
          onSubmit={async ({ role, partners: chosen }) => {
            const result = await changeAccessAction(person.id, { role, partners: chosen });
            if (result.ok) {
              toast.success(result.message ?? "Access changed");
              setOpen(false);
            }
            return result;
          }}
        />
      </DialogContent>
    </Dialog>
  );
}
