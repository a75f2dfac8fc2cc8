import { Page, PageHeader } from "@/components/page-header";
import { Skeleton } from "@/components/ui/skeleton";

export default function TakePaymentLoading() {
  return (
    <Page isForm>
      <PageHeader title="Take a payment" />
      <div role="status" aria-label="Loading the form" className="grid gap-4">
        <Skeleton className="h-14 w-full" />
        <div className="grid gap-4 sm:grid-cols-2">
          <Skeleton className="h-8 w-full" />
          <Skeleton className="h-8 w-full" />
        </div>
        <Skeleton className="h-8 w-full" />
      </div>
    </Page>
  );
}
