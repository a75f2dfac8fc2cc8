"use client";

import type { Route } from "next";
import { useRouter } from "next/navigation";
import { Controller } from "react-hook-form";
import { z } from "zod";
import type { PartnerOption } from "@/app/(dashboard)/partner-options";
import { SelectField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { Notice } from "@/components/notice";
import { Checkbox } from "@/components/ui/checkbox";
import { toast } from "@/components/ui/toast";
import { AUDIENCES, PERMISSIONS, type Permission, requiresTwoFactor } from "@/server/auth/permissions";
import { PERMISSION_WORDS, withNeeded } from "@/server/domain/people/states";
import { createRoleAction, updateRoleAction } from "./actions";
import { groupsFor } from "./permission-groups";

const RoleFormSchema = z.object({
  name: z.string().trim().min(2, "Enter a name.").max(60),
  description: z.string().trim().max(200),
  audience: z.enum(AUDIENCES),
  partner: z.string(),
  permissions: z.array(z.enum(PERMISSIONS)).min(1, "Choose at least one permission."),
});
type RoleValues = z.infer<typeof RoleFormSchema>;

const EVERY_PARTNER = "every";

export function RoleForm({
  existing: role,
  mayGrant,
  partners,
  isAcquirer,
}: {
  /** null: a new one. */
  existing: (RoleValues & { id: string }) | null;
  /** What the person holds: nobody grants more. */
  mayGrant: readonly Permission[];
  partners: readonly PartnerOption[];
  isAcquirer: boolean;
}) {
  const router = useRouter();
  const form = useZodForm(
    RoleFormSchema,
    role ?? {
      name: "",
      description: "",
      audience: isAcquirer ? "ACQUIRER" : "PARTNER",
      partner: isAcquirer ? EVERY_PARTNER : (partners[0]?.value ?? ""),
      permissions: [],
    },
  );
  const audience = form.watch("audience");
  return (
    <Form
      form={form}
      submitWord={role === null ? "Create role" : "Save role"}
      className="max-w-[860px]"
      onSubmit={async ({ partner, ...values }) => {
        const granted = groupsFor(values.audience).flatMap((group) => group.permissions);
        const permissions = values.permissions.filter((name) => granted.includes(name));
        if (role !== null) {
          const { name, description } = values;
          const result = await updateRoleAction(role.id, { name, description, permissions });
          if (result.ok) toast.success(result.message ?? "Role saved");
          return result;
        }
        const partnerId = values.audience === "PARTNER" && partner !== EVERY_PARTNER ? partner : null;
        const result = await createRoleAction({ ...values, permissions, partnerId });
        if (result.ok) {
          toast.success(`${values.name} created`);
          router.push(`/settings/roles/${result.data.id}` as Route);
        }
        return result;
      }}
    >
      <TextField control={form.control} name="name" label="Name" maxLength={60} autoComplete="off" />
      <TextField
        control={form.control}
        name="description"
        label="Description"
        hint="Who has it, in a few words"
        isRequired={false}
        maxLength={200}
        autoComplete="off"
      />
      {role === null && isAcquirer ? (
        <SelectField
          control={form.control}
          name="audience"
          label="For"
          options={[
            { value: "ACQUIRER", label: "People of the acquirer" },
            { value: "PARTNER", label: "People of Partners" },
          ]}
        />
      ) : null}
      {role === null && audience === "PARTNER" && (isAcquirer || partners.length > 1) ? (
        <SelectField
          control={form.control}
          name="partner"
          label="Partner"
          hint="A role of one Partner is there for its people only."
          options={[...(isAcquirer ? [{ value: EVERY_PARTNER, label: "Every Partner" }] : []), ...partners]}
        />
      ) : null}
      <Controller
        control={form.control}
        name="permissions"
        render={({ field, fieldState }) => {
          const whole = withNeeded(field.value);
          return (
            <fieldset className="grid gap-4" aria-invalid={fieldState.error === undefined ? undefined : true}>
              <legend className="mb-2 font-medium text-xs">Permissions</legend>
              <div className="grid gap-4 sm:grid-cols-2">
                {groupsFor(audience).map((group) => (
                  <section key={group.title}>
                    <h3 className="font-medium text-xs">{group.title}</h3>
                    <div className="mt-1 grid">
                      {group.permissions.map((name) => (
                        <PermissionBox
                          key={name}
                          name={name}
                          isChosen={field.value.includes(name)}
                          isNeeded={whole.includes(name) && !field.value.includes(name)}
                          isBeyond={!mayGrant.includes(name)}
                          onChange={(isOn) =>
                            field.onChange(
                              isOn ? [...field.value, name] : field.value.filter((other: Permission) => other !== name),
                            )
                          }
                        />
                      ))}
                    </div>
                  </section>
                ))}
              </div>
              {fieldState.error === undefined ? null : (
                <p role="alert" className="text-bad text-xs">
                  {fieldState.error.message ?? "Choose at least one permission."}
                </p>
              )}
              {requiresTwoFactor(whole) ? (
                <Notice tone="info" title="Whoever has this role signs in with a second factor">
                  It moves money, or can make somebody who does.
                </Notice>
              ) : null}
            </fieldset>
          );
        }}
      />
    </Form>
  );
}

function PermissionBox({
  name,
  isChosen,
  isNeeded,
  isBeyond,
  onChange,
}: {
  name: Permission;
  isChosen: boolean;
  /** Comes along with another one. */
  isNeeded: boolean;
  /** The person does not hold it. */
  isBeyond: boolean;
  onChange: (isOn: boolean) => void;
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is a button, which a label may hold
    <label className="flex min-h-8 items-start gap-2 py-1 text-sm">
      <Checkbox
        className="mt-0.5"
        checked={isChosen || isNeeded}
        disabled={isNeeded || (isBeyond && !isChosen)}
        onCheckedChange={(isOn) => onChange(isOn === true)}
      />
      <span className="min-w-0">
        {PERMISSION_WORDS[name]}
        <span className="block text-ink-3 text-xs">
          <span className="font-mono">{name}</span>
          {isNeeded ? " · comes along" : isBeyond ? " · you do not have it yourself" : ""}
        </span>
      </span>
    </label>
  );
}
