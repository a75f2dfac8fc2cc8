import type { Metadata } from "next";
import { orNotFound } from "@/app/(dashboard)/or-not-found";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { Notice } from "@/components/notice";
import { RecordLayout } from "@/components/record-layout";
import { TextLink } from "@/components/text-link";
import { Panel } from "@/components/ui/panel";
import { webContext } from "@/server/auth/web";
import { getMail } from "@/server/domain/mail/service";
import { kindWords } from "../kind-words";

export const metadata: Metadata = { title: "Mail" };

const LINK = /(https?:\/\/[^\s]+)/g;

export default async function MailPage({ params }: { params: Promise<{ id: string }> }) {
  const ctx = await webContext("mails:read");
  const { id } = await params;
  const mail = await orNotFound(getMail(ctx, id));
  return (
    <RecordLayout
      title={mail.subject}
      crumb={mail.subject}
      badge={<StatusBadge kind="mail" status={mail.state} />}
      ids={<Id value={mail.id} />}
      main={
        <Panel title="Text">
          {mail.text === null ? (
            <Notice title="This text is not shown">
              It held a link that lets somebody in, which is for the person alone who gets the mail.
            </Notice>
          ) : (
            <div className="whitespace-pre-wrap break-words text-sm leading-6">
              {mail.text.split(LINK).map((part, index) =>
                // Only our own addresses become links: what people wrote themselves does not.
                index % 2 === 1 && part.startsWith(new URL("/", ctx.env.PUBLIC_URL).href) ? (
                  <a
                    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text do not move
                    key={index}
                    href={part}
                    className="break-all text-accent underline underline-offset-2"
                  >
                    {part}
                  </a>
                ) : (
                  part
                ),
              )}
            </div>
          )}
        </Panel>
      }
      facts={
        <Panel title="Facts">
          <DefinitionList
            items={[
              { term: "To", value: <span className="break-all">{mail.to}</span> },
              { term: "About", value: kindWords(mail.kind) },
              {
                term: "Partner",
                value:
                  mail.partnerId === null ? null : (
                    <TextLink href={`/partners/${mail.partnerId}`}>{mail.partnerName ?? mail.partnerId}</TextLink>
                  ),
              },
              { term: "Written", value: <DateTime value={mail.createdAt} precision="second" /> },
              { term: "Sent", value: <DateTime value={mail.sentAt} precision="second" /> },
              { term: "Tries", value: mail.attempts },
              { term: "Next try", value: <DateTime value={mail.nextAttemptAt} precision="second" /> },
              { term: "Failure", value: mail.failure, isHidden: mail.failure === null },
            ]}
          />
        </Panel>
      }
    />
  );
}
