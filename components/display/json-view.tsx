"use client";

import { ChevronRight } from "lucide-react";
import { type ReactNode, useState } from "react";
import { cn } from "@/components/cn";
import { CopyButton } from "./copy-button";

export type JsonViewProps = {
  value: unknown;
  label?: string;
  /** Levels that are open at first. */
  openDepth?: number;
  className?: string;
};

const ROWS_MAX = 200;

/** A raw message that folds. Values were masked before they came here; a mask is shown as one. */
export function JsonView({ value, label = "Message", openDepth = 2, className }: JsonViewProps) {
  const text = JSON.stringify(value, null, 2) ?? "null";
  return (
    <figure aria-label={label} className={cn("relative rounded-md border border-line bg-bg", className)}>
      <CopyButton text={text} label={`Copy ${label.toLowerCase()}`} className="absolute top-1 right-1 bg-bg" />
      <div className="max-h-96 overflow-auto p-2 pr-8 font-mono text-xs leading-5">
        <Node value={value} depth={0} openDepth={openDepth} isLast />
      </div>
    </figure>
  );
}

function Node({
  name,
  value,
  depth,
  openDepth,
  isLast,
}: {
  name?: string;
  value: unknown;
  depth: number;
  openDepth: number;
  isLast: boolean;
}) {
  const [isOpen, setOpen] = useState(depth < openDepth);
  const key = name === undefined ? null : <span className="text-ink-2">{name}: </span>;
  const comma = isLast ? "" : ",";
  if (value === null || typeof value !== "object") {
    return (
      <div className="whitespace-pre-wrap break-all pl-4">
        {key}
        <Leaf value={value} />
        {comma}
      </div>
    );
  }
  const entries: Array<[string, unknown]> = Array.isArray(value)
    ? value.map((item, index) => [String(index), item])
    : Object.entries(value);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) {
    return (
      <div className="pl-4">
        {key}
        {open}
        {close}
        {comma}
      </div>
    );
  }
  return (
    <div>
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
        className="flex min-h-6 w-full items-center rounded-xs text-left hover:bg-hover"
      >
        <ChevronRight
          aria-hidden
          className={cn("size-3 shrink-0 text-ink-3 transition-transform", isOpen && "rotate-90")}
        />
        <span className="ml-1">
          {key}
          {open}
          {isOpen ? "" : <span className="text-ink-3">{` ${entries.length} ${close}`}</span>}
        </span>
      </button>
      {isOpen ? (
        <>
          <div className="ml-[5px] border-line border-l pl-2">
            {entries.slice(0, ROWS_MAX).map(([entryName, entry], index) => (
              <Node
                key={entryName}
                {...(Array.isArray(value) ? {} : { name: entryName })}
                value={entry}
                depth={depth + 1}
                openDepth={openDepth}
                isLast={index === entries.length - 1}
              />
            ))}
            {entries.length > ROWS_MAX ? <div className="pl-4 text-ink-3">{entries.length - ROWS_MAX} more</div> : null}
          </div>
          <div className="pl-4">
            {close}
            {comma}
          </div>
        </>
      ) : null}
    </div>
  );
}

function Leaf({ value }: { value: unknown }): ReactNode {
  if (value === null || value === undefined) return <span className="text-ink-3">null</span>;
  if (typeof value === "number" || typeof value === "boolean")
    return <span className="text-accent">{String(value)}</span>;
  const text = String(value);
  if (isMask(text)) {
    return (
      <span title="Masked" className="select-none font-sans text-ink-3">
        •••
      </span>
    );
  }
  return <span className="text-ink">"{text}"</span>;
}

function isMask(text: string): boolean {
  return text === "•••" || /^(\*{3,}|\[(redacted|masked)\])$/i.test(text);
}
