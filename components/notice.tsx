import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "@/components/cn";

export type NoticeProps = {
  tone?: "info" | "good" | "warn" | "bad";
  title: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
  className?: string;
};

const LOOK = {
  info: { icon: Info, ground: "bg-info-soft", ink: "text-info" },
  good: { icon: CircleCheck, ground: "bg-good-soft", ink: "text-good" },
  warn: { icon: TriangleAlert, ground: "bg-warn-soft", ink: "text-warn" },
  bad: { icon: CircleAlert, ground: "bg-bad-soft", ink: "text-bad" },
};

/** A sentence that belongs to the screen it stands on, with what to do about it. */
export function Notice({ tone = "info", title, children, action, className }: NoticeProps) {
  const { icon: Icon, ground, ink } = LOOK[tone];
  return (
    <div
      role={tone === "bad" ? "alert" : "status"}
      className={cn("flex items-start gap-2.5 rounded-md px-3 py-2.5", ground, className)}
    >
      <Icon aria-hidden className={cn("mt-0.5 size-4 shrink-0", ink)} />
      <div className="min-w-0 flex-1 text-sm">
        <p className="font-medium">{title}</p>
        {children === undefined ? null : <div className="text-ink-2">{children}</div>}
      </div>
      {action}
    </div>
  );
}

/** Why something was not done, with the id to quote. */
export function FailureNotice({
  failure,
  className,
}: {
  failure: { message: string; requestId?: string | undefined } | null;
  className?: string;
}) {
  if (failure === null) return null;
  return (
    <Notice tone="bad" title={failure.message} {...(className === undefined ? {} : { className })}>
      {failure.requestId === undefined ? undefined : (
        <span className="font-mono text-xs">Request {failure.requestId}</span>
      )}
    </Notice>
  );
}
