"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { describeError } from "@/components/error-state";
import { Notice } from "@/components/notice";
import { useTRPC } from "@/components/trpc-provider";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import type { ImportColumns, ImportRecord } from "@/server/domain/imports/schema";
import { IMPORT_FIELDS } from "@/server/domain/imports/states";

/** The value of a choice may not be empty. */
const NONE = "-";
/** Names of columns may look like anything, the choice that means none among them. */
const choiceOf = (index: number): string => `c${index}`;

/** Which column is what, with a guess to begin with; checking is the dry run. */
export function ColumnsForm({ record, onChecked }: { record: ImportRecord; onChecked: () => void }) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const [columns, setColumns] = useState<ImportColumns>(record.columns);
  const [group, setGroup] = useState(record.defaults.storeGroup ?? NONE);
  const [existing, setExisting] = useState<string>(record.defaults.existing);
  const partner = useQuery(
    trpc.partners.get.queryOptions(
      { id: record.partnerId ?? "" },
      { enabled: record.kind === "STORES" && record.partnerId !== null },
    ),
  );
  const groups = (partner.data?.brands ?? []).flatMap((brand) => brand.storeGroups);
  const check = useMutation(
    trpc.imports.check.mutationOptions({
      onSuccess: async (checked) => {
        client.setQueryData(trpc.imports.get.queryKey({ id: record.id }), checked);
        await client.invalidateQueries({ queryKey: trpc.imports.rows.queryKey() });
        onChecked();
      },
    }),
  );
  const set = (field: string, value: string): void => {
    const column = value === NONE ? undefined : record.head[Number(value.slice(1))];
    setColumns(({ [field]: _before, ...rest }) => (column === undefined ? rest : { ...rest, [field]: column }));
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    check.mutate({
      id: record.id,
      columns,
      defaults: {
        existing: existing === "skip" ? "skip" : "update",
        ...(group === NONE ? {} : { storeGroup: group }),
      },
    });
  };
  const choices = [
    { value: NONE, label: "Not in the file" },
    ...record.head.map((column, index) => ({ value: choiceOf(index), label: column })),
  ];
  const unused = record.head.filter((column) => !Object.values(columns).includes(column));
  return (
    <form className="grid gap-4" onSubmit={submit}>
      <div className="grid gap-x-4 gap-y-3 sm:grid-cols-2 xl:grid-cols-3">
        {IMPORT_FIELDS[record.kind].map((field) => (
          <Field key={field.id} label={field.label} isRequired={field.isRequired} hint={field.hint || undefined}>
            {(attributes) => (
              <Select
                {...attributes}
                options={choices}
                value={columns[field.id] === undefined ? NONE : choiceOf(record.head.indexOf(columns[field.id] ?? ""))}
                onValueChange={(value) => set(field.id, value)}
              />
            )}
          </Field>
        ))}
      </div>
      {unused.length === 0 ? null : (
        <p className="text-ink-3 text-xs">Columns of the file that are not used: {unused.join(", ")}.</p>
      )}
      <div className="grid gap-x-4 gap-y-3 border-line border-t pt-4 sm:grid-cols-2 xl:grid-cols-3">
        {record.kind === "STORES" && groups.length > 1 ? (
          <Field label="Store group of rows that name none">
            {(attributes) => (
              <Select
                {...attributes}
                options={[
                  { value: NONE, label: "None: such rows have an error" },
                  ...groups.map((one) => ({ value: one.id, label: one.name })),
                ]}
                value={group}
                onValueChange={setGroup}
              />
            )}
          </Field>
        ) : null}
        {record.kind === "PARTNERS" ? null : (
          <Field label="Rows that are registered already" isRequired>
            {(attributes) => (
              <Select
                {...attributes}
                options={[
                  { value: "update", label: "Change what differs" },
                  { value: "skip", label: "Leave as they are" },
                ]}
                value={existing}
                onValueChange={setExisting}
              />
            )}
          </Field>
        )}
      </div>
      {check.error ? <Notice tone="bad" title={describeError(check.error).message} /> : null}
      <div className="flex justify-end">
        <Button type="submit" variant="primary" isBusy={check.isPending}>
          Check {record.rowCount.toLocaleString("en")} {record.rowCount === 1 ? "row" : "rows"}
        </Button>
      </div>
    </form>
  );
}
