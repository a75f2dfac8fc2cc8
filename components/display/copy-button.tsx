"use client";

import { Check, Copy } from "lucide-react";
import { cn } from "@/components/cn";
import { useCopy } from "@/components/hooks";
import { Button } from "@/components/ui/button";

/** A small icon beside a value; `withWord` makes it a button with a label. */
export function CopyButton({
  text,
  label,
  withWord = false,
  className,
}: {
  text: string;
  label: string;
  withWord?: boolean;
  className?: string;
}) {
  const { isCopied, copy } = useCopy();
  const icon = isCopied ? <Check aria-hidden className="text-good" /> : <Copy aria-hidden />;
  const onClick = (event: { stopPropagation: () => void }) => {
    event.stopPropagation();
    void copy(text);
  };
  if (withWord) {
    return (
      <Button className={className} onClick={onClick}>
        {icon}
        {isCopied ? "Copied" : label}
      </Button>
    );
  }
  return (
    <button
      type="button"
      onClick={onClick}
      aria-label={isCopied ? "Copied" : label}
      title={isCopied ? "Copied" : label}
      className={cn(
        "inline-grid size-6 shrink-0 place-items-center rounded-sm text-ink-3 hover:bg-hover hover:text-ink [&_svg]:size-3.5",
        className,
      )}
    >
      {icon}
    </button>
  );
}
