"use client";

import { KeyRound } from "lucide-react";
import type { ActionResult } from "@/components/action-result";
import { ConfirmAction } from "@/components/confirm-action";
import { DateTime } from "@/components/display/date-time";
import type { Mode } from "@/components/display/mode-badge";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { Panel } from "@/components/ui/panel";
import { type KeyMade, revokeKeyAction } from "./actions";
import type { KeyView } from "./key-view";
import { RotateKey } from "./rotate-key";

export function KeyList({
  keys,
  mode,
  scopeCount,
  canWrite,
  hasPartners,
  empty,
  onRevoke = revokeKeyAction,
  onRotate,
}: {
  keys: readonly KeyView[];
  /** How many there are: a key with all of them says so. */
  scopeCount: number;
  mode: Mode;
  canWrite: boolean;
  hasPartners: boolean;
  /** What to say where there are none; those of a Partner's systems unless given. */
  empty?: string;
  onRevoke?: (id: string) => Promise<ActionResult>;
  onRotate?: (input: { id: string; overlapHours: number }) => Promise<ActionResult<KeyMade>>;
}) {
  return (
    <Panel title={`API keys for ${mode} mode`} isFlush>
      {keys.length === 0 ? (
        <EmptyState
          icon={KeyRound}
          title="No keys in this mode"
          description={
            empty !== undefined
              ? empty
              : canWrite
                ? "A Partner's systems call the API with a key. Create the first one above; it is shown once."
                : "A Partner's systems call the API with a key. A role with more rights can create one."
          }
        />
      ) : (
        <ul>
          {keys.map((key) => (
            <li
              key={key.id}
              className="grid grid-cols-[minmax(0,1fr)_auto] items-start gap-x-4 gap-y-1 border-line border-b px-4 py-3 last:border-b-0"
            >
              <div className="min-w-0">
                <p className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
                  <span className="min-w-0 break-words font-medium text-sm">{key.name}</span>
                  <StatusBadge kind="key" status={key.status} />
                </p>
                <p className="flex flex-wrap items-center gap-x-3 text-ink-3 text-xs">
                  <span className="font-mono">{key.hint}</span>
                  {hasPartners ? <span>{key.partnerName}</span> : null}
                  <span>
                    {key.lastUsedAt === null ? (
                      "Never used"
                    ) : (
                      <>
                        Used <DateTime value={key.lastUsedAt} format="relative" />
                      </>
                    )}
                  </span>
                  <End of={key} />
                </p>
                <p className="mt-1 flex flex-wrap gap-1">
                  {(key.scopes.length === scopeCount ? ["all scopes"] : key.scopes).map((scope) => (
                    <span
                      key={scope}
                      className="rounded-sm bg-neutral-soft px-1.5 font-mono text-ink-2 text-xs leading-5"
                    >
                      {scope}
                    </span>
                  ))}
                  {key.addresses.map((address) => (
                    <span
                      key={address}
                      className="rounded-sm bg-info-soft px-1.5 font-mono text-info text-xs leading-5"
                    >
                      from {address}
                    </span>
                  ))}
                </p>
              </div>
              {canWrite && key.revokedAt === null && key.status !== "expired" ? (
                <div className="flex flex-wrap justify-end gap-2">
                  <RotateKey id={key.id} name={key.name} hint={key.hint} onRotate={onRotate} />
                  <ConfirmAction
                    label="Revoke"
                    size="sm"
                    variant="danger-quiet"
                    title="Revoke this key?"
                    verb="Revoke key"
                    partner={key.partnerName}
                    mode={mode}
                    facts={[
                      { term: "Name", value: key.name },
                      { term: "Key", value: <span className="font-mono text-xs">{key.hint}</span> },
                    ]}
                    consequence="Every system that uses it is refused within a second. This cannot be undone."
                    successMessage="Key revoked"
                    onConfirm={() => onRevoke(key.id)}
                  />
                </div>
              ) : null}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function End({ of: key }: { of: KeyView }) {
  if (key.revokedAt !== null) {
    return (
      <span>
        Revoked <DateTime value={key.revokedAt} precision="day" />
      </span>
    );
  }
  if (key.expiresAt === null) return <span>Does not expire</span>;
  return (
    <span>
      {key.status === "expired" ? "Expired" : "Expires"} <DateTime value={key.expiresAt} precision="day" />
    </span>
  );
}
