import type { ReactNode } from "react";
import { cn } from "@/components/cn";

export type PageHeaderProps = {
  title: ReactNode;
  /** Beside the title: a count or a badge. */
  aside?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  className?: string;
};

export function PageHeader({ title, aside, description, actions, className }: PageHeaderProps) {
  return (
    <header className={cn("flex flex-wrap items-start gap-x-4 gap-y-3", className)}>
      <div className="grid min-w-0 flex-1 gap-0.5">
        <div className="flex min-w-0 flex-wrap items-center gap-x-2.5 gap-y-1">
          <h1 className="min-w-0 break-words font-semibold text-xl tracking-[-0.01em]">{title}</h1>
          {aside}
        </div>
        {description === undefined ? null : <div className="max-w-prose text-ink-2 text-sm">{description}</div>}
      </div>
      {actions === undefined ? null : <PageActions>{actions}</PageActions>}
    </header>
  );
}

/** Beside the title; on a phone at the bottom edge, where the thumb is. */
function PageActions({ children }: { children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center gap-2 max-md:fixed max-md:inset-x-0 max-md:bottom-0 max-md:z-20 max-md:border-line max-md:border-t max-md:bg-surface max-md:px-4 max-md:pt-3 max-md:pb-[calc(12px+env(safe-area-inset-bottom))] max-md:[&>*]:h-10 max-md:[&>*]:flex-1">
      {children}
    </div>
  );
}

/** The padding and rhythm every screen shares. */
export function Page({ isForm = false, children }: { isForm?: boolean; children: ReactNode }) {
  return (
    <div
      className={cn(
        "grid grid-cols-[minmax(0,1fr)] content-start gap-4 px-4 py-5 max-md:pb-36 md:px-6",
        isForm && "max-w-[688px]",
      )}
    >
      {children}
    </div>
  );
}
