import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "@/components/cn";

export type EmptyStateProps = {
  title: string;
  /** What this is and why it is empty. */
  description: ReactNode;
  /** The one next step. */
  action?: ReactNode;
  icon?: LucideIcon;
  className?: string;
};

export function EmptyState({ title, description, action, icon: Icon, className }: EmptyStateProps) {
  return (
    <div className={cn("mx-auto grid max-w-sm justify-items-center gap-1 px-4 py-10 text-center", className)}>
      {Icon === undefined ? null : <Icon aria-hidden className="mb-1.5 size-5 text-ink-3" />}
      <p className="font-semibold text-base">{title}</p>
      <div className="text-balance text-ink-2 text-sm">{description}</div>
      {action === undefined ? null : <div className="mt-3 flex gap-2">{action}</div>}
    </div>
  );
}
