import { Id } from "@/components/display/id";
import { TextLink } from "@/components/text-link";

const SUBJECT_PATHS: Readonly<Record<string, string>> = {
  payment: "/payments/",
  webhook_endpoint: "/webhooks/",
  partner: "/partners/",
  inbox_event: "/system/received/",
};
const SUBJECT_WORDS: Readonly<Record<string, string>> = { inbox_event: "event", webhook_endpoint: "endpoint" };

/** What an alarm is about, as a link to it. */
export function AlarmSubject({ kind, id }: { kind: string; id: string }) {
  if (kind === "klarna_subscription") return <TextLink href="/system/subscription">Open the subscription</TextLink>;
  if (kind === "invariant") return <TextLink href="/system#rules">Open the rules</TextLink>;
  const path = SUBJECT_PATHS[kind];
  if (path === undefined) return <Id value={id} />;
  const word = SUBJECT_WORDS[kind] ?? kind.replaceAll("_", " ");
  return (
    <TextLink href={`${path}${encodeURIComponent(id)}`}>Open the {word === "partner" ? "Partner" : word}</TextLink>
  );
}
