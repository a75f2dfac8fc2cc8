import { Id } from "@/components/display/id";
import { TextLink } from "@/components/text-link";

const PATHS: Readonly<Record<string, string>> = {
  pay: "/payments/",
  sto: "/stores/",
  ptn: "/partners/",
  whe: "/webhooks/",
};

/** What an event is about, linked where it has a page of its own. */
export function SubjectLink({ id, isFull = false }: { id: string; isFull?: boolean }) {
  const path = PATHS[id.split("_")[0] ?? ""];
  if (path === undefined) return <Id value={id} isFull={isFull} hasCopy={isFull} />;
  return (
    <TextLink href={`${path}${id}`}>
      <Id value={id} isFull={isFull} hasCopy={false} />
    </TextLink>
  );
}
