import { Ban, CircleCheck, CircleHelp, CircleX, Clock, type LucideIcon, Smartphone } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "@/components/cn";
import type { Language } from "@/server/core/languages";
import type { JourneyPhase } from "./journey-words";

const PICTURES: Readonly<Record<Exclude<JourneyPhase, "waiting">, { icon: LucideIcon; ink: string; ground: string }>> =
  {
    open: { icon: Smartphone, ink: "text-accent", ground: "bg-accent-soft" },
    paid: { icon: CircleCheck, ink: "text-good", ground: "bg-good-soft" },
    declined: { icon: CircleX, ink: "text-bad", ground: "bg-bad-soft" },
    failed: { icon: CircleX, ink: "text-bad", ground: "bg-bad-soft" },
    canceled: { icon: Ban, ink: "text-ink-2", ground: "bg-neutral-soft" },
    expired: { icon: Clock, ink: "text-ink-2", ground: "bg-neutral-soft" },
    unknown: { icon: CircleHelp, ink: "text-ink-2", ground: "bg-neutral-soft" },
  };

/** One sentence on a page of its own, for a customer on a phone or at a desk. */
export function JourneyCard({
  language,
  phase,
  words,
  shop,
  isTest = false,
  children,
}: {
  language: Language;
  phase: JourneyPhase;
  words: { title: string; sentence: string };
  shop?: string;
  isTest?: boolean;
  children?: ReactNode;
}) {
  return (
    <main lang={language} className="grid min-h-dvh place-items-center bg-bg px-4 py-10">
      <div
        data-phase={phase}
        className="grid w-full max-w-[400px] justify-items-center gap-4 rounded-lg border border-line bg-surface p-8 text-center max-sm:p-6"
      >
        {shop === undefined ? null : (
          <p className="flex max-w-full items-center gap-2 text-ink-2 text-sm">
            <span className="truncate">{shop}</span>
            {isTest ? (
              <span className="rounded-sm border border-line-strong px-1.5 py-0.5 font-medium text-ink-2 text-xs">
                Test
              </span>
            ) : null}
          </p>
        )}
        <Picture phase={phase} />
        <div role="status" className="grid gap-1">
          <h1 className="text-balance font-semibold text-ink text-xl tracking-[-0.01em]">{words.title}</h1>
          <p className="text-balance text-base text-ink-2">{words.sentence}</p>
        </div>
        {children}
      </div>
    </main>
  );
}

function Picture({ phase }: { phase: JourneyPhase }) {
  if (phase === "waiting") {
    return (
      <span aria-hidden className="grid size-16 place-items-center">
        <span className="size-10 animate-spin rounded-full border-4 border-line-strong border-t-accent motion-reduce:animate-none" />
      </span>
    );
  }
  const { icon: Icon, ink, ground } = PICTURES[phase];
  return (
    <span aria-hidden className={cn("grid size-16 place-items-center rounded-full", ground, ink)}>
      <Icon className="size-8" strokeWidth={1.75} />
    </span>
  );
}
