"use client";

import type { Route } from "next";
import dynamic from "next/dynamic";
import { useRouter } from "next/navigation";
import { useState } from "react";
import type { Mode } from "@/components/display/mode-badge";
import { TRPCReactProvider } from "@/components/trpc-provider";
import { Button, type ButtonProps } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import type { PartnerOption } from "../partner-options";
import type { ReplayStart } from "./replay-form";

// Loaded when the dialog is first opened.
const ReplayForm = dynamic(() => import("./replay-form").then((module) => module.ReplayForm));

/** Sends many deliveries once more: what failed since a time, after a look at how many that is. */
export function ReplayFailed({
  mode,
  partners,
  hasPartners,
  start,
  variant = "secondary",
}: {
  mode: Mode;
  partners: readonly PartnerOption[];
  hasPartners: boolean;
  /** What the form begins with. */
  start: ReplayStart;
  variant?: ButtonProps["variant"];
}) {
  const router = useRouter();
  const [isOpen, setOpen] = useState(false);
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button variant={variant}>Replay failed</Button>
      </DialogTrigger>
      <DialogContent
        title="Send failed deliveries again?"
        description="The same events with the same ids, so that receivers can tell that they are repeats. Oldest first, in the background."
        className="max-w-[560px]"
      >
        <TRPCReactProvider>
          <ReplayForm
            mode={mode}
            partners={partners}
            hasPartners={hasPartners}
            start={start}
            onCancel={() => setOpen(false)}
            onStarted={(message) => {
              setOpen(false);
              if (message !== undefined) toast.success(message);
              router.push("/webhooks/replays" as Route);
            }}
          />
        </TRPCReactProvider>
      </DialogContent>
    </Dialog>
  );
}
