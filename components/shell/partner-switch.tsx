"use client";

import { Building2, Check, ChevronsUpDown } from "lucide-react";
import { useState, useTransition } from "react";
import { Command, CommandEmpty, CommandInput, CommandItem, CommandList } from "@/components/ui/command";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";

type PartnerSwitchProps = {
  partners: ReadonlyArray<{ id: string; name: string }>;
  partnerId: string | null;
  setPartner: (partnerId: string | null) => Promise<void>;
};

export function PartnerSwitch({ partners, partnerId, setPartner }: PartnerSwitchProps) {
  const [isOpen, setOpen] = useState(false);
  const [isChanging, start] = useTransition();
  const current = partners.find((partner) => partner.id === partnerId);
  const choices = [{ id: null, name: "All Partners" }, ...partners];
  return (
    <Popover open={isOpen} onOpenChange={setOpen}>
      <PopoverTrigger
        disabled={isChanging}
        aria-label={`Partner: ${current?.name ?? "All Partners"}`}
        className="flex h-8 max-w-44 items-center gap-1.5 rounded-md px-2 text-ink-2 text-sm hover:bg-hover hover:text-ink disabled:opacity-60 max-lg:hidden"
      >
        <Building2 aria-hidden className="size-4 shrink-0 text-ink-3" />
        <span className="truncate">{current?.name ?? "All Partners"}</span>
        <ChevronsUpDown aria-hidden className="size-3.5 shrink-0 text-ink-3" />
      </PopoverTrigger>
      <PopoverContent align="end" className="w-72 p-0">
        <Command label="Partner">
          <CommandInput placeholder="Find a Partner" />
          <CommandList>
            <CommandEmpty>No Partner of that name.</CommandEmpty>
            {choices.map((partner) => (
              <CommandItem
                key={partner.id ?? "all"}
                value={`${partner.name} ${partner.id ?? ""}`}
                onSelect={() => {
                  setOpen(false);
                  start(() => setPartner(partner.id));
                }}
              >
                <span className="min-w-0 flex-1 truncate">{partner.name}</span>
                {partner.id === partnerId ? <Check aria-hidden className="text-accent!" /> : null}
              </CommandItem>
            ))}
          </CommandList>
        </Command>
      </PopoverContent>
    </Popover>
  );
}
