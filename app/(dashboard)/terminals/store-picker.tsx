"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { useTRPC } from "@/components/trpc-provider";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";

export type PickedStore = { id: string; name: string; partnerId: string };

/** A physical store in use: typed for, then chosen. The list holds the fifty nearest. */
export function StorePicker({
  partner,
  first,
  value,
  error,
  except,
  onChange,
}: {
  /** Only this Partner's. */
  partner?: string;
  /** Chosen already when the form opens. */
  first: PickedStore | null;
  value: string;
  error?: string | undefined;
  /** Not this one. */
  except?: string;
  onChange: (store: PickedStore) => void;
}) {
  const trpc = useTRPC();
  const [typed, setTyped] = useState("");
  const search = useDeferredValue(typed.trim());
  const query = useQuery(
    trpc.stores.choices.queryOptions(
      {
        type: ["PHYSICAL"],
        status: ["ACTIVE", "DRAFT"],
        ...(search === "" ? {} : { search }),
        ...(partner === undefined ? {} : { partner }),
      },
      { placeholderData: keepPreviousData },
    ),
  );
  const found = (query.data ?? []).filter((store) => store.id !== except);
  const isFirstMissing = first !== null && first.id === value && !found.some((store) => store.id === first.id);
  const options = [
    ...(isFirstMissing ? [{ value: first.id, label: first.name }] : []),
    ...found.map((store) => ({ value: store.id, label: store.name, hint: store.reference })),
  ];
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <Field label="Find a store" isRequired={false} hint={query.isError ? "The list could not be read." : undefined}>
        {(control) => (
          <Input
            {...control}
            type="search"
            value={typed}
            maxLength={255}
            autoComplete="off"
            placeholder="Name, city, postal code"
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
      </Field>
      <Field label="Store" isRequired error={error}>
        {(control) => (
          <Select
            {...control}
            options={options}
            value={value}
            placeholder={options.length === 0 && !query.isPending ? "No store is found" : "Choose a store"}
            onValueChange={(id) => {
              const store = found.find((one) => one.id === id) ?? (first?.id === id ? first : undefined);
              if (store) onChange({ id: store.id, name: store.name, partnerId: store.partnerId });
            }}
          />
        )}
      </Field>
    </div>
  );
}
