"use client";

import type { Route } from "next";
import { useRouter } from "next/navigation";
import { ConfirmAction } from "@/components/confirm-action";
import { deleteRoleAction } from "../actions";

export function DeleteRole({ id, name, people }: { id: string; name: string; people: number }) {
  const router = useRouter();
  return (
    <ConfirmAction
      label="Delete"
      variant="danger-quiet"
      title={`Delete the role ${name}?`}
      verb="Delete role"
      isDisabled={people > 0}
      consequence="It can no longer be given to anybody. This cannot be undone."
      onConfirm={() => deleteRoleAction(id)}
      onDone={() => router.push("/settings/roles" as Route)}
    />
  );
}
