import type { ComponentProps } from "react";
import { cn } from "@/components/cn";

export const inputStyles =
  "h-8 w-full min-w-0 rounded-md border border-line-strong bg-raised px-2.5 text-sm text-ink transition-colors outline-none focus-visible:border-accent focus-visible:outline-2 focus-visible:outline-offset-0 focus-visible:outline-accent/40 disabled:cursor-not-allowed disabled:opacity-60 aria-invalid:border-bad [&[readonly]]:bg-bg max-md:text-[16px]";

export function Input({ className, ...props }: ComponentProps<"input">) {
  return <input className={cn(inputStyles, className)} {...props} />;
}
