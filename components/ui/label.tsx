import type { ComponentProps } from "react";
import { cn } from "@/components/cn";

export function Label({ className, children, ...props }: ComponentProps<"label"> & { htmlFor: string }) {
  return (
    <label className={cn("font-medium text-ink text-xs", className)} {...props}>
      {children}
    </label>
  );
}
