import type { ReactNode } from "react";
import { cn } from "@/components/cn";

export type PanelProps = {
  title?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  /** Lets a table or list touch the edges. */
  isFlush?: boolean;
  footer?: ReactNode;
  className?: string;
  id?: string;
  children: ReactNode;
};

/** A part of a page with hairlines around it. */
export function Panel({ title, description, actions, isFlush = false, footer, className, id, children }: PanelProps) {
  return (
    <section id={id} className={cn("min-w-0 rounded-md border border-line bg-surface", className)}>
      {title === undefined && actions === undefined ? null : (
        <header
          className={cn(
            "flex min-h-11 flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2",
            isFlush && "border-line border-b",
          )}
        >
          <div className="min-w-0 flex-1">
            <h2 className="font-semibold text-base">{title}</h2>
            {description === undefined ? null : <p className="text-ink-3 text-xs">{description}</p>}
          </div>
          {actions === undefined ? null : <div className="flex items-center gap-2">{actions}</div>}
        </header>
      )}
      <div className={isFlush ? "" : title === undefined && actions === undefined ? "p-4" : "px-4 pt-1 pb-4"}>
        {children}
      </div>
      {footer === undefined ? null : (
        <footer className="border-line border-t px-4 py-2 text-ink-3 text-xs">{footer}</footer>
      )}
    </section>
  );
}

/** What a panel says while there is nothing to list in it. */
export function PanelEmpty({ children }: { children: ReactNode }) {
  return <p className="px-4 py-6 text-center text-ink-3 text-sm">{children}</p>;
}
