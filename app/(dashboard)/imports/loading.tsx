import { ListSkeleton } from "@/components/data-table/skeleton-rows";

export default function ImportsLoading() {
  return (
    <ListSkeleton
      title="Imports"
      columns={[
        { id: "file", header: "File", isWide: true },
        { id: "kind", header: "What" },
        { id: "state", header: "State" },
        { id: "partner", header: "Partner", skeleton: 120 },
        { id: "rows", header: "Rows", isNumeric: true },
        { id: "done", header: "Done", isNumeric: true },
        { id: "errors", header: "Errors", isNumeric: true },
        { id: "created_at", header: "Uploaded" },
      ]}
    />
  );
}
