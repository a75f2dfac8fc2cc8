"use client";

import { Plus } from "lucide-react";
import type { Route } from "next";
import dynamic from "next/dynamic";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import { SecretDialogContent, SecretOnce } from "@/components/secret-once";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import type { PartnerOption } from "../partner-options";

// Loaded when the dialog is first opened.
const AddEndpointForm = dynamic(() => import("./endpoint-form").then((module) => module.AddEndpointForm));

export function AddEndpoint({
  mode,
  partners,
  eventTypes,
  isOpenAtFirst,
}: {
  mode: Mode;
  partners: readonly PartnerOption[];
  eventTypes: readonly string[];
  isOpenAtFirst: boolean;
}) {
  const router = useRouter();
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  const [made, setMade] = useState<{ id: string; secret: string } | null>(null);

  const close = (): void => {
    setOpen(false);
    if (made !== null) router.push(`/webhooks/${made.id}` as Route);
    setMade(null);
  };

  return (
    <Dialog open={isOpen} onOpenChange={(open) => (open ? setOpen(true) : close())}>
      <DialogTrigger asChild>
        <Button variant="primary">
          <Plus aria-hidden />
          Add endpoint
        </Button>
      </DialogTrigger>
      {made === null ? (
        <DialogContent
          title="Add a webhook endpoint"
          description={
            <span className="flex flex-wrap items-center gap-1.5">
              Hears of changes in <ModeBadge mode={mode} /> mode only.
            </span>
          }
          className="max-w-[560px]"
        >
          <AddEndpointForm mode={mode} partners={partners} eventTypes={eventTypes} onMade={setMade} />
        </DialogContent>
      ) : (
        <SecretDialogContent title="The endpoint is added" onClose={close}>
          <SecretOnce
            label="Signing secret"
            value={made.secret}
            hint="Receivers check each delivery with it. It is not shown again; a new one can be made at any time."
          />
        </SecretDialogContent>
      )}
    </Dialog>
  );
}
