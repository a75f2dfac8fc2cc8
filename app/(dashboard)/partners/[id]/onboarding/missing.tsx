"use client";

import { cn } from "@/components/cn";
import { Panel } from "@/components/ui/panel";
import type { DraftRecord } from "@/server/domain/partners/schema-onboarding";
import type { About } from "./wizard";

type Item = DraftRecord["completeness"]["missing"][number];

/** How complete the draft is, what is missing, and which of Klarna's requirements asks for it. */
export function Missing({
  draft,
  onJump,
  className,
}: {
  draft: DraftRecord;
  onJump: (about: About) => void;
  className?: string;
}) {
  const { score, missing } = draft.completeness;
  const mine = missing.filter((item) => draft.may.editPayments || item.section !== "payments");
  const required = mine.filter((item) => item.level === "required");
  const recommended = mine.filter((item) => item.level === "recommended");
  const theirs = missing.some((item) => item.section === "payments" && item.level === "required");
  return (
    <Panel title="Completeness" className={cn(className)}>
      <div className="grid gap-4">
        <div className="grid gap-1.5">
          <p className="font-semibold text-2xl tabular-nums">{score} %</p>
          <div
            role="progressbar"
            aria-label="Completeness"
            aria-valuenow={score}
            aria-valuemin={0}
            aria-valuemax={100}
            className="h-1.5 overflow-hidden rounded-full bg-neutral-soft"
          >
            <div
              className={cn("h-full rounded-full", draft.completeness.isReady ? "bg-good" : "bg-accent")}
              style={{ width: `${score}%` }}
            />
          </div>
        </div>
        {required.length === 0 ? (
          <p className="text-ink-2 text-sm">
            {theirs && !draft.may.editPayments
              ? "Nothing is missing on your side. The acquirer adds prices and settlement."
              : "Everything required is there."}
          </p>
        ) : (
          <List title="Missing" items={required} onJump={onJump} />
        )}
        {recommended.length === 0 ? null : (
          <details>
            <summary className="cursor-pointer rounded-xs text-ink-2 text-sm">{recommended.length} recommended</summary>
            <div className="pt-2">
              <List items={recommended} onJump={onJump} />
            </div>
          </details>
        )}
      </div>
    </Panel>
  );
}

function List({ title, items, onJump }: { title?: string; items: readonly Item[]; onJump: (about: About) => void }) {
  return (
    <div>
      {title === undefined ? null : <h3 className="mb-1 font-medium text-xs">{title}</h3>}
      <ul className="grid">
        {items.map((item) => (
          <li key={`${item.section} ${item.item} ${item.field}`}>
            <button
              type="button"
              onClick={() => onJump(item)}
              className="flex min-h-8 w-full items-center gap-2 rounded-sm px-1 py-1 text-left text-sm hover:bg-hover"
            >
              <span className="min-w-0 flex-1">{item.label}</span>
              <span className="shrink-0 font-mono text-ink-3 text-xs" title="Klarna's requirement">
                {item.requirement}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
