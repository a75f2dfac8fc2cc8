"use client";

import { useActionState } from "react";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { pairAction } from "./actions";

export function PairForm() {
  const [state, submit, isPending] = useActionState(pairAction, { message: null });
  return (
    <form action={submit} className="mt-6 grid gap-4">
      {state.message === null ? null : <Notice tone="bad" title={state.message} />}
      <Field label="Code" isRequired>
        {(control) => (
          <Input
            {...control}
            name="code"
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            required
            maxLength={16}
            placeholder="XXXXX-XXXXX"
            className="h-12 text-center font-mono text-lg uppercase tracking-widest"
          />
        )}
      </Field>
      <Button type="submit" variant="primary" size="lg" isBusy={isPending} className="w-full">
        {isPending ? "Pairing" : "Pair this device"}
      </Button>
    </form>
  );
}
