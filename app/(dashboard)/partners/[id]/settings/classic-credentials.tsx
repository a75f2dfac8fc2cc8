"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { z } from "zod";
import { ConfirmAction } from "@/components/confirm-action";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import { SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import {
  CLASSIC_REGIONS,
  ClassicCredentialSchema,
  type ClassicCredentialView,
  REGION_WORDS,
} from "@/server/domain/classic/schema";
import { removeClassicCredentialAction, saveClassicCredentialAction } from "../../actions";

const FormSchema = z.object({
  region: z.enum(CLASSIC_REGIONS),
  username: ClassicCredentialSchema.shape.username,
  password: z.string().max(255, "At most 255 characters."),
});

type Subject = { id: string; name: string };

/** What is stored of a Partner's user at Klarna, and the ways to change it. The password never comes back. */
export function ClassicCredentials({
  partner,
  mode,
  stored,
  mayWrite,
}: {
  partner: Subject;
  mode: Mode;
  stored: ClassicCredentialView | null;
  mayWrite: boolean;
}) {
  const router = useRouter();
  return (
    <div className="grid gap-4">
      {stored !== null && stored.refusedAt !== null ? (
        <Notice tone="bad" title="Klarna refuses them">
          Refused since <DateTime value={stored.refusedAt} />. Terminals on classic sessions take no payments until they
          are put right.
        </Notice>
      ) : null}
      {stored === null ? (
        <p className="text-ink-2 text-sm">
          None for <ModeBadge mode={mode} /> mode yet.
        </p>
      ) : (
        <DefinitionList
          items={[
            { term: "User", value: <span className="font-mono text-xs">{stored.username}</span> },
            { term: "Password", value: "Stored, never shown again" },
            { term: "Region", value: `${REGION_WORDS[stored.region]} (${stored.host})` },
            {
              term: "Changed",
              value: (
                <>
                  <DateTime value={stored.updatedAt} />
                  {stored.updatedByName === null ? null : ` by ${stored.updatedByName}`}
                </>
              ),
            },
          ]}
        />
      )}
      {mayWrite ? (
        <div className="flex flex-wrap gap-2">
          <ChangeCredential partner={partner} mode={mode} stored={stored} />
          {stored === null ? null : (
            <ConfirmAction
              label="Remove"
              variant="ghost"
              size="sm"
              title="Remove the user?"
              verb="Remove"
              partner={partner.name}
              mode={mode}
              consequence="Terminals that are set to classic sessions take no payments afterwards. Past ones are still captured and refunded with this user."
              successMessage="Removed"
              onConfirm={() => removeClassicCredentialAction(partner.id)}
              onDone={() => router.refresh()}
            />
          )}
        </div>
      ) : null}
    </div>
  );
}

function ChangeCredential({
  partner,
  mode,
  stored,
}: {
  partner: Subject;
  mode: Mode;
  stored: ClassicCredentialView | null;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button size="sm">{stored === null ? "Set user and password" : "Change"}</Button>
      </DialogTrigger>
      <DialogContent
        title={stored === null ? "User and password at Klarna" : "Change the user at Klarna"}
        description={
          <span className="flex flex-wrap items-center gap-1.5">
            As Klarna gave them to {partner.name}. For <ModeBadge mode={mode} /> mode.
          </span>
        }
      >
        <CredentialForm partner={partner} stored={stored} onDone={() => setOpen(false)} />
      </DialogContent>
    </Dialog>
  );
}

function CredentialForm({
  partner,
  stored,
  onDone,
}: {
  partner: Subject;
  stored: ClassicCredentialView | null;
  onDone: () => void;
}) {
  const router = useRouter();
  const form = useZodForm(FormSchema, {
    region: stored?.region ?? "EU",
    username: stored?.username ?? "",
    password: "",
  });
  return (
    <Form
      form={form}
      submitWord="Save"
      onSubmit={async ({ password, ...values }) => {
        const result = await saveClassicCredentialAction(partner.id, {
          ...values,
          ...(password === "" ? {} : { password }),
        });
        if (!result.ok) return result;
        toast.success("Saved");
        onDone();
        router.refresh();
        return result;
      }}
    >
      <SelectField
        control={form.control}
        name="region"
        label="Region"
        options={CLASSIC_REGIONS.map((value) => ({ value, label: REGION_WORDS[value] }))}
      />
      <TextField control={form.control} name="username" label="User" autoComplete="off" />
      <TextField
        control={form.control}
        name="password"
        label="Password"
        type="password"
        autoComplete="new-password"
        isRequired={stored === null}
        {...(stored === null ? {} : { hint: "Leave it empty to keep the one that is stored." })}
      />
    </Form>
  );
}
