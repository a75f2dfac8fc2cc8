"use client";

import type { Mode } from "@/components/display/mode-badge";
import type { PartnerOption } from "../partner-options";
import { createKeyAction } from "./actions";
import { KeyDialog } from "./key-dialog";

const SCOPE_HINTS: Readonly<Record<string, string>> = {
  "payments:read": "Read payments and what they cost",
  "payments:write": "Take, cancel and void payments",
  "refunds:write": "Give money back",
  "stores:read": "Read stores and terminals",
  "stores:write": "Create and change stores and terminals",
  "webhooks:read": "Read webhook endpoints",
  "webhooks:write": "Add and delete webhook endpoints",
};

export function AddKey({
  mode,
  partners,
  scopes,
  isOpenAtFirst,
}: {
  mode: Mode;
  partners: readonly PartnerOption[];
  scopes: readonly string[];
  isOpenAtFirst: boolean;
}) {
  return (
    <KeyDialog
      mode={mode}
      title="Create an API key"
      reach="for one Partner"
      isOpenAtFirst={isOpenAtFirst}
      partners={partners}
      nameHint="Which system uses it: it stands in the request log"
      scopes={scopes}
      scopeHints={SCOPE_HINTS}
      firstScopes={["payments:read", "payments:write", "refunds:write"]}
      create={(key, partner) => createKeyAction({ ...key, partner })}
    />
  );
}
