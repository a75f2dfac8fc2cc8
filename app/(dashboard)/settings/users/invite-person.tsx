"use client";

import { UserPlus } from "lucide-react";
import type { Route } from "next";
import dynamic from "next/dynamic";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import type { PartnerOption } from "../../partner-options";
import { invitePersonAction } from "./actions";
import type { RoleChoice } from "./role-choices";

// Loaded when the dialog is first opened.
const AccessForm = dynamic(() => import("./access-form").then((module) => module.AccessForm));

export function InvitePerson({
  roles,
  partners,
  isOpenAtFirst,
}: {
  roles: readonly RoleChoice[];
  partners: readonly PartnerOption[];
  isOpenAtFirst: boolean;
}) {
  const router = useRouter();
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button variant="primary">
          <UserPlus aria-hidden />
          Invite
        </Button>
      </DialogTrigger>
      <DialogContent
        title="Invite a person"
        description="They get a mail with a link, choose their own password, and set up a second factor where their role asks for one."
        className="max-w-[560px]"
      >
        <AccessForm
          roles={roles}
          partners={partners}
          submitWord="Send invitation"
          person={null}
          onSubmit={async (values) => {
            const result = await invitePersonAction(values);
            if (result.ok) {
              toast.success(`${values.name} is invited`);
              setOpen(false);
              router.push(`/settings/users/${result.data.id}` as Route);
            }
            return result;
          }}
        />
      </DialogContent>
    </Dialog>
  );
}
