import { Id } from "@/components/display/id";
import { recordOf } from "@/components/shell/nav";
import { TextLink } from "@/components/text-link";

/** What an entry is about: a link where the thing has a page. */
export function AuditSubject({ id, isFull = false }: { id: string; isFull?: boolean }) {
  const record = recordOf(id);
  if (record === null) return <Id value={id} isFull={isFull} />;
  return (
    <TextLink href={record.href} className="inline-flex min-h-6 items-center break-all">
      <Id value={id} hasCopy={false} isFull={isFull} />
    </TextLink>
  );
}
