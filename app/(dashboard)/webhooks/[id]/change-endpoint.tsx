"use client";

import dynamic from "next/dynamic";
import { useState } from "react";
import type { Mode } from "@/components/display/mode-badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import type { EndpointSettings } from "../endpoint-form";

// Loaded when the dialog is first opened.
const ChangeEndpointForm = dynamic(() => import("../endpoint-form").then((module) => module.ChangeEndpointForm));

/** The settings of an endpoint, as they are, to change. */
export function ChangeEndpoint({
  endpoint,
  mode,
  eventTypes,
}: {
  endpoint: EndpointSettings;
  mode: Mode;
  eventTypes: readonly string[];
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button>Edit</Button>
      </DialogTrigger>
      <DialogContent
        title="Edit this endpoint"
        description="Deliveries that are still to be sent go to the new address, with the new headers."
        className="max-w-[560px]"
      >
        <ChangeEndpointForm
          mode={mode}
          eventTypes={eventTypes}
          endpoint={endpoint}
          onSaved={() => {
            setOpen(false);
            toast.success("Saved");
          }}
        />
      </DialogContent>
    </Dialog>
  );
}
