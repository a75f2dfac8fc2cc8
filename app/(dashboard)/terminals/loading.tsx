import { ListSkeleton } from "@/components/data-table/skeleton-rows";

export default function TerminalsLoading() {
  return (
    <ListSkeleton
      title="Terminals"
      columns={[
        { id: "label", header: "Terminal" },
        { id: "reference", header: "Reference" },
        { id: "store", header: "Store", isWide: true },
        { id: "partner", header: "Partner", skeleton: 120 },
        { id: "device", header: "Device" },
        { id: "status", header: "Status" },
        { id: "qr", header: "Shows QR", skeleton: 24 },
        { id: "seen", header: "Last seen" },
      ]}
    />
  );
}
