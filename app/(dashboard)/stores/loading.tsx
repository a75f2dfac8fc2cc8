import { ListSkeleton } from "@/components/data-table/skeleton-rows";

export default function StoresLoading() {
  return (
    <ListSkeleton
      title="Stores"
      columns={[
        { id: "name", header: "Store", isWide: true },
        { id: "reference", header: "Reference" },
        { id: "partner", header: "Partner", skeleton: 120 },
        { id: "type", header: "Type" },
        { id: "status", header: "Status" },
        { id: "city", header: "City" },
        { id: "country", header: "Country", skeleton: 24 },
        { id: "group", header: "Store group" },
        { id: "terminals", header: "Terminals", isNumeric: true, skeleton: 24 },
      ]}
    />
  );
}
