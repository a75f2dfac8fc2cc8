import { ListSkeleton } from "@/components/data-table/skeleton-rows";

const COLUMNS = [
  { id: "created_at", header: "Time", skeleton: 112 },
  { id: "reference", header: "Reference", isWide: true, skeleton: 120 },
  { id: "amount", header: "Amount", isNumeric: true, skeleton: 84 },
  { id: "status", header: "Status", skeleton: 96 },
  { id: "partner", header: "Partner", skeleton: 110 },
  { id: "store", header: "Store", skeleton: 100 },
  { id: "terminal", header: "Terminal", skeleton: 72 },
  { id: "id", header: "Id", skeleton: 120 },
];

export default function PaymentsLoading() {
  return <ListSkeleton title="Payments" columns={COLUMNS} />;
}
