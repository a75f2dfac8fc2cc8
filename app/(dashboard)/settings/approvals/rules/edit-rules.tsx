"use client";

import { Plus } from "lucide-react";
import dynamic from "next/dynamic";
import { useState } from "react";
import type { PartnerOption } from "@/app/(dashboard)/partner-options";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import type { Rules } from "./rules-form";

const RulesForm = dynamic(() => import("./rules-form").then((module) => module.RulesForm));

/** The rules of one Partner or of all; without `rules` those of a Partner that has none yet. */
export function EditRules({ rules, partners }: { rules: Rules | null; partners: readonly PartnerOption[] }) {
  const [isOpen, setOpen] = useState(false);
  const name =
    rules === null ? null : rules.partnerId === null ? "every Partner" : (rules.partnerName ?? rules.partnerId);
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        {rules === null ? (
          <Button variant="primary">
            <Plus aria-hidden />
            Rules for a Partner
          </Button>
        ) : (
          <Button size="sm">
            Edit<span className="sr-only"> the rules for {name}</span>
          </Button>
        )}
      </DialogTrigger>
      <DialogContent
        title={name === null ? "Rules for a Partner" : `Rules for ${name}`}
        description="They count for what is asked from now on. What waits already stays as it is."
        className="max-w-[560px]"
      >
        <RulesForm rules={rules} partners={partners} onDone={() => setOpen(false)} />
      </DialogContent>
    </Dialog>
  );
}
