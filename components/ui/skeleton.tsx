import { cn } from "@/components/cn";

export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={cn("skeleton block h-3 w-24", className)} />;
}
