import { ListSkeleton } from "@/components/data-table/skeleton-rows";

export default function ReplaysLoading() {
  return (
    <ListSkeleton
      title="Webhooks"
      columns={[
        { id: "created_at", header: "Started", skeleton: 130 },
        { id: "status", header: "State" },
        { id: "endpoint", header: "Endpoint", isWide: true },
        { id: "sent", header: "Sent again", isNumeric: true, skeleton: 48 },
      ]}
    />
  );
}
