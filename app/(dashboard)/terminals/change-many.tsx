"use client";

import { useState } from "react";
import { ChangeMany } from "@/app/(dashboard)/bulk-change";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import type { TerminalItem } from "@/server/domain/terminals/schema";
import { changeTerminalsAction } from "./actions";
import { CAPTURE_WORDS } from "./setting-words";
import { StorePicker } from "./store-picker";

const KINDS = [
  { value: "move", label: "Move to another store", verb: "Move" },
  { value: "capture", label: "Set when money is captured", verb: "Set" },
  { value: "archive", label: "Archive", verb: "Archive" },
  { value: "restore", label: "Restore", verb: "Restore" },
] as const;
type Kind = (typeof KINDS)[number]["value"];

const CAPTURES = [
  { value: "inherit", label: "As the store says" },
  { value: "automatic", label: CAPTURE_WORDS.AUTOMATIC },
  { value: "manual", label: CAPTURE_WORDS.MANUAL },
] as const;

function changeOf(kind: Kind, store: string, capture: string) {
  switch (kind) {
    case "move":
      return { kind, store: { id: store } };
    case "capture":
      return { kind: "settings", settings: { capture: capture === "inherit" ? null : capture } };
    default:
      return { kind };
  }
}

/** The same change for the chosen terminals: what would happen, then the change itself. */
export function ChangeTerminals({ rows, onDone }: { rows: readonly TerminalItem[]; onDone: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const [kind, setKind] = useState<Kind>("move");
  const [store, setStore] = useState("");
  const [capture, setCapture] = useState("inherit");
  const partners = [...new Set(rows.map((row) => row.partnerId))];
  const [partner] = partners;
  return (
    <ChangeMany
      title={`Change ${rows.length === 1 ? "one terminal" : `${rows.length} terminals`}`}
      isOpen={isOpen}
      onOpen={setOpen}
      kinds={KINDS}
      kind={kind}
      onKind={setKind}
      question={`${kind} ${store} ${capture}`}
      isReady={kind !== "move" || store !== ""}
      run={(isDryRun) =>
        changeTerminalsAction({ ids: rows.map((row) => row.id), change: changeOf(kind, store, capture) }, isDryRun)
      }
      onDone={onDone}
    >
      {kind === "move" ? (
        <StorePicker
          {...(partners.length === 1 && partner !== undefined ? { partner } : {})}
          first={null}
          value={store}
          onChange={(picked) => setStore(picked.id)}
        />
      ) : null}
      {kind === "capture" ? (
        <Field label="Capture" isRequired>
          {(control) => <Select {...control} options={CAPTURES} value={capture} onValueChange={setCapture} />}
        </Field>
      ) : null}
    </ChangeMany>
  );
}
