import type { Route } from "next";
import Link from "next/link";
import { cn } from "@/components/cn";

export type Choice = { label: string; href: string; isChosen: boolean };

/** A few views of one screen, side by side; each is an address. */
export function Choices({ label, choices }: { label: string; choices: readonly Choice[] }) {
  return (
    <nav aria-label={label} className="inline-flex max-w-full gap-0.5 overflow-x-auto rounded-md bg-neutral-soft p-0.5">
      {choices.map((choice) => (
        <Link
          key={choice.href}
          href={choice.href as Route}
          scroll={false}
          aria-current={choice.isChosen ? "true" : undefined}
          className={cn(
            "flex h-7 items-center justify-center whitespace-nowrap rounded-sm px-2.5 text-sm transition-colors",
            choice.isChosen
              ? "bg-raised font-medium text-ink shadow-[0_0_0_1px_var(--line)]"
              : "text-ink-2 hover:text-ink",
          )}
        >
          {choice.label}
        </Link>
      ))}
    </nav>
  );
}
