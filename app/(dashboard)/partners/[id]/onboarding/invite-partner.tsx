"use client";

import { useQueryClient } from "@tanstack/react-query";
import { UserPlus } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { Notice } from "@/components/notice";
import { useTRPC } from "@/components/trpc-provider";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import type { DraftRecord } from "@/server/domain/partners/schema-onboarding";
import { invitePartnerAdminAction, setPartnerMayEditAction } from "../../actions";

const InviteFormSchema = z.object({
  name: z.string().trim().min(1, "Enter a name.").max(99),
  email: z.string().trim().min(3, "Enter an e-mail address.").max(254),
});

/** Lets the Partner fill its own draft: by inviting a person, or for those who are here already. */
export function InvitePartner({ draft, canInvite }: { draft: DraftRecord; canInvite: boolean }) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const form = useZodForm(InviteFormSchema, { name: "", email: "" });
  const refresh = () =>
    queryClient.invalidateQueries({ queryKey: trpc.partners.draft.get.queryKey({ partner: draft.partnerId }) });
  async function allow(mayEdit: boolean) {
    setBusy(true);
    const result = await setPartnerMayEditAction(draft.partnerId, mayEdit);
    setBusy(false);
    if (result.ok) {
      toast.success(result.message ?? "Saved");
      await refresh();
    } else toast.error(result.message);
  }
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button>
          <UserPlus aria-hidden />
          {draft.partnerMayEdit ? "Partner fills it" : "Let the Partner fill it"}
        </Button>
      </DialogTrigger>
      <DialogContent
        title="Let the Partner fill the draft"
        description="Its people see their own draft only. Prices and settlement stay with you, and so does the approval."
        className="max-w-[560px]"
      >
        <div className="grid gap-4">
          <Notice
            tone={draft.partnerMayEdit ? "good" : "info"}
            title={
              draft.partnerMayEdit
                ? "The Partner's people may fill this draft."
                : "Only the acquirer fills this draft now."
            }
            action={
              <Button size="sm" isBusy={isBusy} onClick={() => void allow(!draft.partnerMayEdit)}>
                {draft.partnerMayEdit ? "Take back" : "Allow"}
              </Button>
            }
          />
          {canInvite ? (
            <Form
              form={form}
              submitWord="Invite as Partner admin"
              onSubmit={async (values) => {
                const result = await invitePartnerAdminAction(draft.partnerId, values);
                if (result.ok) {
                  toast.success(result.message ?? "Invited");
                  form.reset();
                  setOpen(false);
                  await refresh();
                }
                return result;
              }}
            >
              <TextField control={form.control} name="name" label="Name" maxLength={99} autoComplete="off" />
              <TextField
                control={form.control}
                name="email"
                label="E-mail"
                type="email"
                maxLength={254}
                autoComplete="off"
                autoCapitalize="none"
                spellCheck={false}
                hint="They get a mail with a link and choose their own password."
              />
            </Form>
          ) : (
            <p className="text-ink-2 text-sm">Your role does not invite people. Ask an administrator to invite them.</p>
          )}
        </div>
      </DialogContent>
    </Dialog>
  );
}
