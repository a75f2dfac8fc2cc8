import { ListSkeleton } from "@/components/data-table/skeleton-rows";

export default function AuditLoading() {
  return (
    <ListSkeleton
      title="Audit"
      columns={[
        { id: "when", header: "When", skeleton: 130 },
        { id: "action", header: "Action", isWide: true },
        { id: "actor", header: "By", skeleton: 110 },
        { id: "way", header: "Way", skeleton: 60 },
        { id: "subject", header: "About", skeleton: 130 },
        { id: "partner", header: "Partner" },
      ]}
    />
  );
}
