"use client";

import { useId } from "react";
import { Switch } from "@/components/ui/switch";

/** Whether a log reads itself again while one looks at it. */
export function LiveSwitch({ isLive, onChange }: { isLive: boolean; onChange: (isLive: boolean) => void }) {
  const id = useId();
  return (
    <span className="flex items-center gap-2 px-2 text-ink-2 text-sm">
      <Switch id={id} checked={isLive} onCheckedChange={onChange} />
      <label htmlFor={id}>Live</label>
    </span>
  );
}
