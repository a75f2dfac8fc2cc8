import { z } from "zod";
import type { ActionFailure } from "@/components/action-result";

/** What the form for an endpoint holds, added or changed. */
export const EndpointFormSchema = z
  .object({
    partner: z.string(),
    url: z.string().trim().min(1, "Enter an address.").max(2048),
    description: z.string().trim().max(255),
    isAll: z.boolean(),
    events: z.array(z.string()),
    ordered: z.boolean(),
    /** False while the headers stay as they are stored: their values are not shown. */
    isNewHeaders: z.boolean(),
    headers: z.array(
      z.object({
        name: z.string().trim().min(1, "Enter a name."),
        value: z.string().trim().min(1, "Enter a value."),
      }),
    ),
  })
  .refine((form) => form.isAll || form.events.length > 0, { path: ["events"], message: "Choose at least one event." })
  .superRefine((form, context) => {
    form.headers.forEach(({ name }, index) => {
      const isTwice = form.headers.slice(0, index).some((other) => other.name.toLowerCase() === name.toLowerCase());
      if (isTwice) context.addIssue({ code: "custom", path: ["headers", index, "name"], message: "Is there already." });
    });
  });
export type EndpointFormInput = z.input<typeof EndpointFormSchema>;
export type EndpointFormValues = z.output<typeof EndpointFormSchema>;

/** The fields that adding and changing have in common. */
export function endpointFacts(values: EndpointFormValues) {
  return {
    url: values.url,
    events: values.isAll ? ["*"] : values.events,
    ordered: values.ordered,
    ...(values.isNewHeaders
      ? { headers: Object.fromEntries(values.headers.map(({ name, value }) => [name, value])) }
      : {}),
  };
}

/** The server names a header at fault by its name, the form by its line. */
export function onLines(failure: ActionFailure, values: EndpointFormValues): ActionFailure {
  const fields = Object.fromEntries(
    Object.entries(failure.fields ?? {}).map(([field, message]) => {
      const line = values.headers.findIndex(({ name }) => field === `headers.${name}`);
      if (line < 0) return [field, message];
      return [`headers.${line}.${/value/.test(message) ? "value" : "name"}`, message];
    }),
  );
  return { ...failure, fields };
}
