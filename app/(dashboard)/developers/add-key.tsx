"use client";

import { Plus } from "lucide-react";
import dynamic from "next/dynamic";
import { useState } from "react";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import { SecretOnce } from "@/components/secret-once";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import type { PartnerOption } from "../partner-options";

// Loaded when the dialog is first opened.
const KeyForm = dynamic(() => import("./key-form").then((module) => module.KeyForm));

export function AddKey({
  mode,
  partners,
  scopes,
  isOpenAtFirst,
}: {
  mode: Mode;
  partners: readonly PartnerOption[];
  scopes: readonly string[];
  isOpenAtFirst: boolean;
}) {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  const [secret, setSecret] = useState<string | null>(null);
  const close = (): void => {
    setOpen(false);
    setSecret(null);
  };
  return (
    <Dialog open={isOpen} onOpenChange={(open) => (open ? setOpen(true) : close())}>
      <DialogTrigger asChild>
        <Button variant="primary">
          <Plus aria-hidden />
          Create key
        </Button>
      </DialogTrigger>
      {secret === null ? (
        <DialogContent
          title="Create an API key"
          description={
            <span className="flex flex-wrap items-center gap-1.5">
              Works in <ModeBadge mode={mode} /> mode only, for one Partner.
            </span>
          }
          className="max-w-[560px]"
        >
          <KeyForm partners={partners} scopes={scopes} onMade={setSecret} />
        </DialogContent>
      ) : (
        <DialogContent
          title="The key is created"
          onInteractOutside={(event) => event.preventDefault()}
          footer={
            <Button variant="primary" onClick={close}>
              I have copied it
            </Button>
          }
        >
          <SecretOnce
            label="API key"
            value={secret}
            hint="Keep it where only your systems can read it. It is not shown again; lost keys are revoked and replaced."
          />
        </DialogContent>
      )}
    </Dialog>
  );
}
