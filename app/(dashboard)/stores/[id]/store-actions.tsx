"use client";

import { useRouter } from "next/navigation";
import { ConfirmAction } from "@/components/confirm-action";
import { archiveStoreAction, restoreStoreAction } from "../actions";

export function ArchiveStore({ id, name, terminals }: { id: string; name: string; terminals: number }) {
  const router = useRouter();
  return (
    <ConfirmAction
      label="Archive"
      title={`Archive ${name}?`}
      verb="Archive store"
      consequence={
        terminals === 0
          ? "Payments there are refused from now on. What was paid there stays, and can be refunded."
          : `Payments there are refused from now on, and its ${terminals === 1 ? "terminal goes" : `${terminals} terminals go`} with it. What was paid there stays, and can be refunded.`
      }
      reason={{ label: "Why" }}
      successMessage="Store archived"
      onConfirm={({ reason }) => archiveStoreAction(id, reason.slice(0, 255))}
      onDone={() => router.refresh()}
    />
  );
}

export function RestoreStore({ id, name }: { id: string; name: string }) {
  const router = useRouter();
  return (
    <ConfirmAction
      label="Restore"
      title={`Restore ${name}?`}
      verb="Restore store"
      tone="primary"
      consequence="Payments there are possible again, with the terminals that were archived together with it."
      successMessage="Store restored"
      onConfirm={() => restoreStoreAction(id)}
      onDone={() => router.refresh()}
    />
  );
}
