import { RecordSkeleton } from "@/components/record-skeleton";

export default function BulkRunLoading() {
  return <RecordSkeleton />;
}
