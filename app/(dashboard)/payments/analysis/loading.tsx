import { RecordSkeleton } from "@/components/record-skeleton";

export default function AnalysisLoading() {
  return <RecordSkeleton />;
}
