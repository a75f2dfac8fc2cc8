"use client";

import type { Mode } from "@/components/display/mode-badge";
import { KeyDialog } from "../../developers/key-dialog";
import { createSystemKeyAction } from "./actions";

const SCOPE_HINTS: Readonly<Record<string, string>> = {
  "partners:read": "Find Partners and read how they stand, their brands and store groups",
  "partners:write": "Begin, fill and approve onboardings",
  "partners:suspend": "Suspend, resume and off-board Partners",
  "stores:read": "Read stores",
  "stores:write": "Create and change brands, store groups and stores",
  "imports:write": "Import rows, with the scope of what they make",
};

export function AddSystemKey({ mode, scopes }: { mode: Mode; scopes: readonly string[] }) {
  return (
    <KeyDialog
      mode={mode}
      title="Create an API key for your own system"
      reach="over every Partner"
      partners={null}
      nameHint="Which system uses it: it stands in the request log and in the audit"
      scopes={scopes}
      scopeHints={SCOPE_HINTS}
      firstScopes={["partners:read"]}
      create={(key) => createSystemKeyAction(key)}
    />
  );
}
