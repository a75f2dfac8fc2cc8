"use client";

import { useState } from "react";
import { z } from "zod";
import { DateTime } from "@/components/display/date-time";
import { TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { Panel } from "@/components/ui/panel";
import { toast } from "@/components/ui/toast";
import { changePasswordAction } from "./actions";

const PasswordFormSchema = z
  .object({
    current: z.string().min(1, "Type the password that you have now."),
    next: z.string().min(12, "must have 12 characters or more").max(200),
    again: z.string(),
  })
  .refine((typed) => typed.next === typed.again, { path: ["again"], message: "is not the same" });

export function Password({ hasPassword, email, changedAt }: { hasPassword: boolean; email: string; changedAt: Date }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Panel
      title="Password"
      actions={
        hasPassword ? (
          <Dialog open={isOpen} onOpenChange={setOpen}>
            <DialogTrigger asChild>
              <Button>Change password</Button>
            </DialogTrigger>
            <DialogContent
              title="Change your password"
              description="You stay signed in here and are signed out everywhere else."
            >
              <PasswordForm email={email} onDone={() => setOpen(false)} />
            </DialogContent>
          </Dialog>
        ) : undefined
      }
    >
      <p className="text-ink-2 text-sm">
        {hasPassword ? (
          <>
            Last changed <DateTime value={changedAt} />
          </>
        ) : (
          "You have none: you sign in with single sign-on."
        )}
      </p>
    </Panel>
  );
}

function PasswordForm({ email, onDone }: { email: string; onDone: () => void }) {
  const form = useZodForm(PasswordFormSchema, { current: "", next: "", again: "" });
  return (
    <Form
      form={form}
      submitWord="Change password"
      onSubmit={async ({ current, next }) => {
        const result = await changePasswordAction({ current, next });
        if (result.ok) {
          toast.success(result.message ?? "Password changed");
          onDone();
        }
        return result;
      }}
    >
      <input type="hidden" name="username" autoComplete="username" value={email} />
      <TextField
        control={form.control}
        name="current"
        label="Password now"
        type="password"
        autoComplete="current-password"
        maxLength={200}
      />
      <TextField
        control={form.control}
        name="next"
        label="New password"
        type="password"
        autoComplete="new-password"
        maxLength={200}
        hint="12 characters or more. A few words in a row are good."
      />
      <TextField
        control={form.control}
        name="again"
        label="New password again"
        type="password"
        autoComplete="new-password"
        maxLength={200}
      />
    </Form>
  );
}
