import { Skeleton } from "@/components/ui/skeleton";

export default function SessionsLoading() {
  return (
    <div role="status" aria-label="Loading your sessions" className="grid content-start gap-4 px-4 py-5 md:px-6">
      <h1 className="font-semibold text-xl tracking-[-0.01em]">Your sessions</h1>
      <Skeleton className="h-5 w-full max-w-96" />
      <Skeleton className="h-44 w-full" />
    </div>
  );
}
