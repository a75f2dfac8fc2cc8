import { ListSkeleton } from "@/components/data-table/skeleton-rows";

export default function OnboardingsLoading() {
  return (
    <ListSkeleton
      title="Partners"
      columns={[
        { id: "partner", header: "Partner", isWide: true },
        { id: "reference", header: "Reference" },
        { id: "state", header: "State" },
        { id: "country", header: "Country" },
        { id: "submitted_at", header: "Handed in", skeleton: 80 },
        { id: "updated_at", header: "Last change", skeleton: 80 },
      ]}
    />
  );
}
