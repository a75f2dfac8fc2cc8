import { ListSkeleton } from "../list-skeleton";

export default function ApprovalsLoading() {
  return <ListSkeleton title="Settings" label="Loading approvals" />;
}
