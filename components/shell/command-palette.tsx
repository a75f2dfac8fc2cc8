"use client";

import { ArrowRight, LoaderCircle } from "lucide-react";
import { useRouter } from "next/navigation";
import { Dialog as DialogPrimitive } from "radix-ui";
import { useEffect, useState } from "react";
import { Command, CommandEmpty, CommandGroup, CommandInput, CommandItem, CommandList } from "@/components/ui/command";
import { overlayStyles } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import { type Hit, NAV_ICONS, type NavItem, recordOf, type ShellAction } from "./nav";

export type CommandPaletteProps = {
  isOpen: boolean;
  onOpenChange: (isOpen: boolean) => void;
  nav: readonly NavItem[];
  actions: readonly ShellAction[];
  search?: (text: string) => Promise<readonly Hit[]>;
};

const SEARCH_DELAY_MS = 200;
const SEARCH_FROM = 2;

/** Goes anywhere: a screen by its name, a record by its id or reference. */
export function CommandPalette({ isOpen, onOpenChange, nav, actions, search }: CommandPaletteProps) {
  const router = useRouter();
  const [text, setText] = useState("");
  const { hits, isSearching } = useHits(text, isOpen, search);
  const direct = recordOf(text);

  const go = (href: string): void => {
    onOpenChange(false);
    router.push(href as Parameters<typeof router.push>[0]);
  };

  return (
    <DialogPrimitive.Root
      open={isOpen}
      onOpenChange={(open) => {
        onOpenChange(open);
        if (!open) setText("");
      }}
    >
      <DialogPrimitive.Portal>
        <DialogPrimitive.Overlay className={overlayStyles} />
        <DialogPrimitive.Content
          aria-describedby={undefined}
          className="fixed inset-x-4 top-[12dvh] z-50 mx-auto max-w-[560px] animate-in overflow-hidden rounded-lg border border-line bg-raised shadow-float outline-none"
        >
          <DialogPrimitive.Title className="sr-only">Search and go</DialogPrimitive.Title>
          <Command label="Search and go" loop>
            <div className="relative">
              <CommandInput
                value={text}
                onValueChange={setText}
                placeholder="Go to a screen, or paste an id or reference"
              />
              {isSearching ? (
                <LoaderCircle aria-hidden className="absolute top-3.5 right-3 size-4 animate-spin text-ink-3" />
              ) : null}
            </div>
            <CommandList className="max-h-[min(420px,60dvh)]">
              {direct === null && hits.length === 0 ? (
                <CommandEmpty>
                  {isSearching ? "Searching" : "Nothing found. Ids and references can be pasted whole."}
                </CommandEmpty>
              ) : null}
              {direct === null ? null : <HitGroup heading="By id" hits={[direct]} go={go} />}
              {hits.length === 0 ? null : (
                <HitGroup heading="Found" hits={hits.filter((hit) => hit.id !== direct?.id)} go={go} />
              )}
              {actions.length === 0 ? null : (
                <CommandGroup heading="Do">
                  {actions.map((action) => {
                    const Icon = NAV_ICONS[action.icon];
                    return (
                      <CommandItem key={action.href} value={action.label} onSelect={() => go(action.href)}>
                        <Icon aria-hidden />
                        {action.label}
                      </CommandItem>
                    );
                  })}
                </CommandGroup>
              )}
              <CommandGroup heading="Go to">
                {nav.map((item) => {
                  const Icon = NAV_ICONS[item.icon];
                  return (
                    <CommandItem key={item.href} value={item.label} onSelect={() => go(item.href)}>
                      <Icon aria-hidden />
                      <span className="flex-1">{item.label}</span>
                      {item.letter === undefined ? null : (
                        <span className="flex gap-1">
                          <Kbd>g</Kbd>
                          <Kbd>{item.letter}</Kbd>
                        </span>
                      )}
                    </CommandItem>
                  );
                })}
              </CommandGroup>
            </CommandList>
          </Command>
        </DialogPrimitive.Content>
      </DialogPrimitive.Portal>
    </DialogPrimitive.Root>
  );
}

function HitGroup({ heading, hits, go }: { heading: string; hits: readonly Hit[]; go: (href: string) => void }) {
  return (
    <CommandGroup heading={heading} forceMount>
      {hits.map((hit) => (
        <CommandItem key={hit.id} value={`hit ${hit.id}`} forceMount onSelect={() => go(hit.href)}>
          <ArrowRight aria-hidden />
          <span className="truncate">{hit.label}</span>
          {hit.hint === undefined ? null : (
            <span className="ml-auto truncate pl-4 font-mono text-ink-3 text-xs">{hit.hint}</span>
          )}
        </CommandItem>
      ))}
    </CommandGroup>
  );
}

const NO_HITS: readonly Hit[] = [];

function useHits(
  text: string,
  isOpen: boolean,
  search: CommandPaletteProps["search"],
): { hits: readonly Hit[]; isSearching: boolean } {
  const [found, setFound] = useState<{ text: string; hits: readonly Hit[] }>({ text: "", hits: NO_HITS });
  const wanted = text.trim();
  const isWanted = isOpen && search !== undefined && wanted.length >= SEARCH_FROM;
  useEffect(() => {
    if (!isWanted) return;
    let isCurrent = true;
    const timer = setTimeout(() => {
      search(wanted).then(
        (hits) => isCurrent && setFound({ text: wanted, hits }),
        () => isCurrent && setFound({ text: wanted, hits: NO_HITS }),
      );
    }, SEARCH_DELAY_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [isWanted, wanted, search]);
  return { hits: isWanted ? found.hits : NO_HITS, isSearching: isWanted && found.text !== wanted };
}
