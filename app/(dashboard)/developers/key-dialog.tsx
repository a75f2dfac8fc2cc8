"use client";

import { Plus } from "lucide-react";
import dynamic from "next/dynamic";
import { useState } from "react";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import type { KeyMade } from "./actions";
import type { KeyFormProps } from "./key-form";
import { KeyMadeContent } from "./key-made";

// Loaded when the dialog is first opened.
const KeyForm = dynamic(() => import("./key-form").then((module) => module.KeyForm));

/** Asks for a key, then shows what came of it. */
export function KeyDialog({
  mode,
  title,
  reach,
  isOpenAtFirst = false,
  ...form
}: KeyFormProps & {
  mode: Mode;
  title: string;
  /** Whose data it reaches: "for one Partner". */
  reach: string;
  isOpenAtFirst?: boolean;
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
          title={title}
          description={
            <span className="flex flex-wrap items-center gap-1.5">
              Works in <ModeBadge mode={mode} /> mode only, {reach}.
            </span>
          }
          className="max-w-[560px]"
        >
          <KeyForm {...form} onMade={setMade} />
        </DialogContent>
      ) : (
        <KeyMadeContent made={made} onClose={close} />
      )}
    </Dialog>
  );
}
