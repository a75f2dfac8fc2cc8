import { ListSkeleton } from "@/components/data-table/skeleton-rows";

const COLUMNS = [
  { id: "what", header: "What", isWide: true, skeleton: 160 },
  { id: "state", header: "State", skeleton: 80 },
  { id: "rows", header: "Rows", isNumeric: true, skeleton: 40 },
  { id: "partner", header: "Partner", skeleton: 110 },
  { id: "by", header: "By", skeleton: 100 },
  { id: "created_at", header: "Made", skeleton: 112 },
];

export default function BulkLoading() {
  return <ListSkeleton title="Captures and refunds of many" columns={COLUMNS} />;
}
