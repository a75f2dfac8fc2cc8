import { Page } from "@/components/page-header";
import { Skeleton } from "@/components/ui/skeleton";

export default function PaymentLoading() {
  return (
    <Page>
      <div role="status" aria-label="Loading payment" className="grid gap-2">
        <Skeleton className="h-7 w-56" />
        <Skeleton className="h-4 w-80" />
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_minmax(320px,400px)]">
        <Skeleton className="h-96 w-full" />
        <div className="grid gap-4">
          <Skeleton className="h-40 w-full" />
          <Skeleton className="h-72 w-full" />
        </div>
      </div>
    </Page>
  );
}
