"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { ExampleFile, FileField } from "@/components/forms/file-field";
import { useOneRun } from "@/components/hooks";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Select, type SelectOption } from "@/components/ui/select";
import { BULK_COLUMNS, BULK_FILE_BYTES_MAX, type BulkKind } from "@/server/domain/bulk/states";
import { planCaptureFileAction, planRefundFileAction } from "../actions";

const ACTIONS = { CAPTURE: planCaptureFileAction, REFUND: planRefundFileAction } as const;
const CHUNK = 8_192;

async function toBase64(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

/** A file with a payment in each row; goes on to its preview. */
export function UploadRows({ kind, partners }: { kind: BulkKind; partners: readonly SelectOption[] }) {
  const router = useRouter();
  const [partner, setPartner] = useState(partners.length === 1 ? partners[0]?.value : undefined);
  const [file, setFile] = useState<File | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const { isRunning: isSending, run } = useOneRun();

  const choose = (chosen: File | null): void => {
    setFailure(null);
    setFile(chosen);
  };
  async function submit(): Promise<void> {
    if (partner === undefined || file === null) return;
    if (file.size > BULK_FILE_BYTES_MAX) {
      setFailure("The file is larger than 700 KB. Split it.");
      return;
    }
    setFailure(null);
    try {
      const result = await ACTIONS[kind]({ partner, fileName: file.name, content: await toBase64(file) });
      if (result.ok) router.push(`/payments/bulk/${result.data.id}` as Parameters<typeof router.push>[0]);
      else setFailure(result.message);
    } catch {
      setFailure("No answer came back. Nothing was done; try again.");
    }
  }
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        void run(submit);
      }}
    >
      {partners.length < 2 ? null : (
        <Field label="Partner" isRequired>
          {(attributes) => (
            <Select
              {...attributes}
              options={partners}
              value={partner}
              onValueChange={setPartner}
              placeholder="Whose payments"
            />
          )}
        </Field>
      )}
      <FileField
        file={file}
        onChoose={choose}
        hint={
          <>
            CSV, up to 5,000 rows; the first row names the columns.{" "}
            <ExampleFile href={`/payments/bulk/template?kind=${kind}`} />
          </>
        }
      />
      <dl className="grid gap-1.5 text-sm sm:grid-cols-[8rem_1fr]">
        {BULK_COLUMNS.filter((column) => column.kinds.includes(kind)).map((column) => (
          <div key={column.id} className="contents">
            <dt className="font-mono text-xs leading-5">{column.id}</dt>
            <dd className="text-ink-2 max-sm:mb-1.5">{column.hint}</dd>
          </div>
        ))}
      </dl>
      {failure === null ? null : <Notice tone="bad" title={failure} />}
      <div className="flex justify-end">
        <Button type="submit" variant="primary" isBusy={isSending} disabled={partner === undefined || file === null}>
          Preview
        </Button>
      </div>
    </form>
  );
}
