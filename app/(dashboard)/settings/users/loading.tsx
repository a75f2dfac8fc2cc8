import { ListSkeleton } from "../list-skeleton";

export default function UsersLoading() {
  return <ListSkeleton title="Settings" label="Loading users" />;
}
