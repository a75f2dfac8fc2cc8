import { ListSkeleton } from "@/components/data-table/skeleton-rows";

export default function DeliveriesLoading() {
  return (
    <ListSkeleton
      title="Webhooks"
      columns={[
        { id: "created_at", header: "Created", skeleton: 130 },
        { id: "type", header: "Event", skeleton: 130 },
        { id: "status", header: "State" },
        { id: "subject", header: "About", skeleton: 110 },
        { id: "url", header: "Endpoint", isWide: true },
        { id: "attempts", header: "Tries", isNumeric: true, skeleton: 16 },
      ]}
    />
  );
}
