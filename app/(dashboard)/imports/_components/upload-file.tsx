"use client";

import { type FormEvent, useState } from "react";
import { z } from "zod";
import { ExampleFile, FileField } from "@/components/forms/file-field";
import { FailureNotice } from "@/components/notice";
import { TextLink } from "@/components/text-link";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Select, type SelectOption } from "@/components/ui/select";
import { IMPORT_BYTES_MAX, IMPORT_KIND_WORDS, IMPORT_KINDS, type ImportKind } from "@/server/domain/imports/states";

const AnswerSchema = z.union([
  z.object({ ok: z.literal(true), data: z.object({ id: z.string() }) }),
  z.object({ ok: z.literal(false), message: z.string(), requestId: z.string().optional() }),
]);
type Failure = { message: string; requestId?: string | undefined };

const UNANSWERED: Failure = { message: "No answer came back. Check the connection and try again." };

/** Sends the file as it is. A file of another kind is refused by the server, whatever its name says. */
async function send(kind: ImportKind, partner: string | null, file: File): Promise<{ id: string } | Failure> {
  if (file.size > IMPORT_BYTES_MAX) return { message: "The file is larger than 8 MB. Split it." };
  const query = new URLSearchParams({ kind, name: file.name, ...(partner === null ? {} : { partner }) });
  try {
    const answer = await fetch(`/imports/upload?${query}`, {
      method: "POST",
      headers: { "content-type": file.type === "" ? "text/csv" : file.type },
      body: file,
    });
    const body = AnswerSchema.safeParse(await answer.json());
    if (!body.success) return UNANSWERED;
    return body.data.ok ? body.data.data : body.data;
  } catch {
    return UNANSWERED;
  }
}

/** Chooses what is in the file, whose it is, and the file. What is given is not asked. */
export function UploadFile({
  kind: kindGiven,
  kinds = IMPORT_KINDS,
  partnerId: partnerGiven,
  partners = [],
  onUploaded,
}: {
  kind?: ImportKind | undefined;
  kinds?: readonly ImportKind[];
  partnerId?: string | undefined;
  partners?: readonly SelectOption[];
  onUploaded: (id: string) => void;
}) {
  const [kind, setKind] = useState<ImportKind | undefined>(kindGiven ?? (kinds.length === 1 ? kinds[0] : undefined));
  const [partner, setPartner] = useState(partnerGiven ?? (partners.length === 1 ? partners[0]?.value : undefined));
  const [file, setFile] = useState<File | null>(null);
  const [isSending, setSending] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const needsPartner = kind !== "PARTNERS";
  const isReady = kind !== undefined && file !== null && (!needsPartner || partner !== undefined);

  const choose = (chosen: File | null): void => {
    setFailure(null);
    setFile(chosen);
  };
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    event.stopPropagation();
    if (kind === undefined || file === null || isSending) return;
    setSending(true);
    setFailure(null);
    const answer = await send(kind, needsPartner ? (partner ?? null) : null, file);
    setSending(false);
    if ("id" in answer) onUploaded(answer.id);
    else setFailure(answer);
  };

  return (
    <form className="grid gap-4" onSubmit={(event) => void submit(event)}>
      {kindGiven === undefined && kinds.length > 1 ? (
        <Field label="What is in the file" isRequired>
          {(attributes) => (
            <Select
              {...attributes}
              options={kinds.map((value) => ({ value, label: IMPORT_KIND_WORDS[value] }))}
              value={kind}
              onValueChange={(value) => setKind(kinds.find((one) => one === value))}
            />
          )}
        </Field>
      ) : null}
      {needsPartner && partnerGiven === undefined && partners.length > 1 ? (
        <Field label="Partner" isRequired>
          {(attributes) => (
            <Select {...attributes} options={partners} value={partner} onValueChange={setPartner} placeholder="Whose" />
          )}
        </Field>
      ) : null}
      <FileField
        file={file}
        onChoose={choose}
        hint={
          <>
            CSV, up to 8 MB and 50,000 rows; the first row names the columns. Nothing is made before you have seen what
            each row does. {kind === undefined ? null : <ExampleFile href={`/imports/template?kind=${kind}`} />}
          </>
        }
      />
      <FailureNotice failure={failure} />
      <div className="flex flex-wrap items-center justify-between gap-2">
        <TextLink href="/imports">All imports</TextLink>
        <Button type="submit" variant="primary" disabled={!isReady} isBusy={isSending}>
          Upload
        </Button>
      </div>
    </form>
  );
}
