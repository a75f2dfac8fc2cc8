import { ListSkeleton } from "@/components/data-table/skeleton-rows";

export default function PartnersLoading() {
  return (
    <ListSkeleton
      title="Partners"
      columns={[
        { id: "name", header: "Partner", isWide: true },
        { id: "reference", header: "Reference" },
        { id: "state", header: "State" },
        { id: "account", header: "Klarna account", skeleton: 100 },
        { id: "country", header: "Country" },
        { id: "stores", header: "Stores", isNumeric: true, skeleton: 24 },
        { id: "terminals", header: "Terminals", isNumeric: true, skeleton: 24 },
        { id: "created_at", header: "Since", skeleton: 80 },
      ]}
    />
  );
}
