import type { ReactNode } from "react";
import { cn } from "@/components/cn";

/** The one card of every page before the dashboard. */
export function AuthCard({
  title,
  lead,
  isWide = false,
  foot,
  children,
}: {
  title: string;
  lead?: ReactNode;
  isWide?: boolean;
  foot?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className={cn("w-full", isWide ? "max-w-[460px]" : "max-w-[380px]")}>
      <div className="rounded-lg border border-line bg-surface p-8 max-sm:p-6">
        <p className="flex items-center gap-2 font-semibold text-base text-ink">
          <svg aria-hidden viewBox="0 0 32 32" className="size-6" fill="none" strokeLinecap="round" strokeWidth="3">
            <rect width="32" height="32" rx="7" className="fill-accent" />
            <path d="M8 10h16M16 10v13" className="stroke-accent-ink" />
            <path d="M8 16v5a2 2 0 0 0 2 2M24 16v5a2 2 0 0 1-2 2" className="stroke-accent-ink" strokeOpacity=".7" />
          </svg>
          Tillgate
        </p>
        <h1 className="mt-6 font-semibold text-ink text-xl">{title}</h1>
        {lead === undefined ? null : <div className="mt-1 text-ink-2 text-sm">{lead}</div>}
        {children}
      </div>
      {foot === undefined ? null : <div className="mt-4 text-balance text-center text-ink-3 text-xs">{foot}</div>}
    </div>
  );
}
