"use client";

import { Plus, Trash2 } from "lucide-react";
import { type Control, useFieldArray } from "react-hook-form";
import { TextField } from "@/components/forms/fields";
import { Button } from "@/components/ui/button";
import type { EndpointFormInput, EndpointFormValues } from "./endpoint-values";

const HEADERS_MAX = 10;

/** Headers of the Partner's own that go with each delivery: a name and a value a line. */
export function HeaderFields({ control }: { control: Control<EndpointFormInput, unknown, EndpointFormValues> }) {
  const headers = useFieldArray({ control, name: "headers" });
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1.5 font-medium text-xs">
        Own headers <span className="font-normal text-ink-3">(optional)</span>
      </legend>
      <p className="text-ink-3 text-xs">Sent with each delivery. Values are stored encrypted and not shown again.</p>
      {headers.fields.map((field, index) => (
        <div key={field.id} className="grid grid-cols-[minmax(0,2fr)_minmax(0,3fr)_auto] items-start gap-2">
          <TextField
            control={control}
            name={`headers.${index}.name`}
            label={`Name ${index + 1}`}
            autoComplete="off"
            spellCheck={false}
            maxLength={64}
            placeholder="X-Shop-Key"
          />
          <TextField
            control={control}
            name={`headers.${index}.value`}
            label={`Value ${index + 1}`}
            autoComplete="off"
            spellCheck={false}
            maxLength={512}
          />
          <Button
            variant="ghost"
            size="icon"
            className="mt-[22px]"
            aria-label={`Remove header ${index + 1}`}
            onClick={() => headers.remove(index)}
          >
            <Trash2 aria-hidden />
          </Button>
        </div>
      ))}
      {headers.fields.length >= HEADERS_MAX ? null : (
        <Button
          size="sm"
          className="justify-self-start"
          onClick={() =>
            headers.append({ name: "", value: "" }, { focusName: `headers.${headers.fields.length}.name` })
          }
        >
          <Plus aria-hidden />
          Add a header
        </Button>
      )}
    </fieldset>
  );
}
