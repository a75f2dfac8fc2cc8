import { ListSkeleton } from "@/components/data-table/skeleton-rows";

export default function EventsLoading() {
  return (
    <ListSkeleton
      title="Webhooks"
      columns={[
        { id: "created_at", header: "Happened", skeleton: 130 },
        { id: "type", header: "Event", isWide: true },
        { id: "object", header: "About", skeleton: 110 },
        { id: "sequence", header: "Number", isNumeric: true, skeleton: 16 },
        { id: "deliveries", header: "Deliveries", skeleton: 120 },
      ]}
    />
  );
}
