import { ListSkeleton } from "../list-skeleton";

export default function RolesLoading() {
  return <ListSkeleton title="Settings" label="Loading roles" />;
}
