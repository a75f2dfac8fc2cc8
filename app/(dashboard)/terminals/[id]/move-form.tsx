"use client";

import { useRouter } from "next/navigation";
import { z } from "zod";
import { TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { TRPCReactProvider } from "@/components/trpc-provider";
import { toast } from "@/components/ui/toast";
import { moveTerminalAction } from "../actions";
import { StorePicker } from "../store-picker";

const FormSchema = z.object({ store: z.string().min(1, "Choose a store."), reason: z.string().trim().max(255) });

export function MoveForm({
  id,
  partnerId,
  from,
  onMoved,
}: {
  id: string;
  partnerId: string;
  from: string;
  onMoved: () => void;
}) {
  const router = useRouter();
  const form = useZodForm(FormSchema, { store: "", reason: "" });
  return (
    <TRPCReactProvider>
      <Form
        form={form}
        submitWord="Move terminal"
        onSubmit={async ({ store, reason }) => {
          const result = await moveTerminalAction(id, { store: { id: store }, ...(reason === "" ? {} : { reason }) });
          if (result.ok) {
            toast.success("Terminal moved");
            onMoved();
            router.refresh();
          }
          return result;
        }}
      >
        <StorePicker
          partner={partnerId}
          first={null}
          except={from}
          value={form.watch("store")}
          error={form.formState.errors.store?.message}
          onChange={(picked) => form.setValue("store", picked.id, { shouldValidate: form.formState.isSubmitted })}
        />
        <TextField
          control={form.control}
          name="reason"
          label="Why"
          isRequired={false}
          maxLength={255}
          autoComplete="off"
        />
      </Form>
    </TRPCReactProvider>
  );
}
