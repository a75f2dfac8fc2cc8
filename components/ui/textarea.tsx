import type { ComponentProps } from "react";
import { cn } from "@/components/cn";
import { inputStyles } from "./input";

export function Textarea({ className, rows = 3, ...props }: ComponentProps<"textarea">) {
  return <textarea rows={rows} className={cn(inputStyles, "h-auto py-1.5", className)} {...props} />;
}
