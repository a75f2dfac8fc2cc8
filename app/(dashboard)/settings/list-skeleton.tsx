import { Skeleton } from "@/components/ui/skeleton";

/** A part of the settings while it is being read. */
export function ListSkeleton({ title, label }: { title: string; label: string }) {
  return (
    <div role="status" aria-label={label} className="grid content-start gap-4 px-4 py-5 md:px-6">
      <h1 className="font-semibold text-xl tracking-[-0.01em]">{title}</h1>
      <Skeleton className="h-9 w-full max-w-96" />
      <Skeleton className="h-64 w-full" />
    </div>
  );
}
