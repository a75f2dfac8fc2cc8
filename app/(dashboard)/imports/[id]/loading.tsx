import { RecordSkeleton } from "@/components/record-skeleton";

export default function ImportLoading() {
  return <RecordSkeleton />;
}
