"use client";

import { Plus } from "lucide-react";
import dynamic from "next/dynamic";
import { useState } from "react";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import type { PartnerOption } from "../partner-options";
import type { KeyMade } from "./actions";
import { KeyMadeContent } from "./key-made";

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
          title="Create an API key"
          description={
            <span className="flex flex-wrap items-center gap-1.5">
              Works in <ModeBadge mode={mode} /> mode only, for one Partner.
            </span>
          }
          className="max-w-[560px]"
        >
          <KeyForm partners={partners} scopes={scopes} onMade={setMade} />
        </DialogContent>
      ) : (
        <KeyMadeContent made={made} onClose={close} />
      )}
    </Dialog>
  );
}
