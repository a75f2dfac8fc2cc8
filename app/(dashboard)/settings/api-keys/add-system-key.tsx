"use client";

import { Plus } from "lucide-react";
import dynamic from "next/dynamic";
import { useState } from "react";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import type { KeyMade } from "../../developers/actions";
import { KeyMadeContent } from "../../developers/key-made";

// Loaded when the dialog is first opened.
const SystemKeyForm = dynamic(() => import("./key-form").then((module) => module.SystemKeyForm));

export function AddSystemKey({ mode, scopes }: { mode: Mode; scopes: readonly string[] }) {
  const [isOpen, setOpen] = useState(false);
  const [made, setMade] = useState<KeyMade | null>(null);
  const close = (): void => {
    setOpen(false);
    setMade(null);
  };
  return (
    <Dialog open={isOpen} onOpenChange={(open) => (open ? setOpen(true) : close())}>
      <DialogTrigger asChild>
        <Button variant="primary">
          <Plus aria-hidden />
          Create key
        </Button>
      </DialogTrigger>
      {made === null ? (
        <DialogContent
          title="Create an API key for your own system"
          description={
            <span className="flex flex-wrap items-center gap-1.5">
              Works in <ModeBadge mode={mode} /> mode only, over every Partner.
            </span>
          }
          className="max-w-[560px]"
        >
          <SystemKeyForm scopes={scopes} onMade={setMade} />
        </DialogContent>
      ) : (
        <KeyMadeContent made={made} onClose={close} />
      )}
    </Dialog>
  );
}
