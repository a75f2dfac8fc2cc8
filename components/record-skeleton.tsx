import { Skeleton } from "@/components/ui/skeleton";

/** For `loading.tsx`: the shape of a record before it is known. */
export function RecordSkeleton() {
  return (
    <div
      role="status"
      aria-label="Loading"
      className="grid grid-cols-[minmax(0,1fr)] content-start gap-4 px-4 py-5 md:px-6"
    >
      <div className="grid gap-2">
        <Skeleton className="h-7 w-64" />
        <Skeleton className="h-4 w-40" />
      </div>
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 lg:grid-cols-[minmax(0,1fr)_minmax(320px,400px)]">
        <div className="grid gap-4 max-lg:order-2">
          <Skeleton className="h-56 w-full" />
          <Skeleton className="h-72 w-full" />
        </div>
        <Skeleton className="h-80 w-full" />
      </div>
    </div>
  );
}
