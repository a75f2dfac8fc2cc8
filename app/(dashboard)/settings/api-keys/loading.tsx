import { ListSkeleton } from "../list-skeleton";

export default function SystemKeysLoading() {
  return <ListSkeleton title="API keys" label="Loading the API keys" />;
}
