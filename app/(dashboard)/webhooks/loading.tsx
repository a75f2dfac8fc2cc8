import { ListSkeleton } from "@/components/data-table/skeleton-rows";

export default function WebhooksLoading() {
  return (
    <ListSkeleton
      title="Webhooks"
      columns={[
        { id: "url", header: "Address", isWide: true },
        { id: "status", header: "State" },
        { id: "pending", header: "On their way", isNumeric: true, skeleton: 32 },
        { id: "failed", header: "Failed", isNumeric: true, skeleton: 32 },
        { id: "success", header: "Arrived, 24 h", isNumeric: true, skeleton: 40 },
      ]}
    />
  );
}
