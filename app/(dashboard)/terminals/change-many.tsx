"use client";

import { useState } from "react";
import { BulkSteps } from "@/app/(dashboard)/bulk-change";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import type { TerminalItem } from "@/server/domain/terminals/schema";
import { changeTerminalsAction } from "./actions";
import { CAPTURE_WORDS } from "./setting-words";
import { StorePicker } from "./store-picker";

const KINDS = [
  { value: "move", label: "Move to another store" },
  { value: "capture", label: "Set when money is captured" },
  { value: "archive", label: "Archive" },
  { value: "restore", label: "Restore" },
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
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button>Change</Button>
      </DialogTrigger>
      <DialogContent
        title={`Change ${rows.length === 1 ? "one terminal" : `${rows.length} terminals`}`}
        className="max-w-[560px]"
      >
        <div className="grid gap-4">
          <Field label="Change" isRequired>
            {(control) => (
              <Select
                {...control}
                options={KINDS}
                value={kind}
                onValueChange={(value) => setKind(KINDS.find((one) => one.value === value)?.value ?? "move")}
              />
            )}
          </Field>
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
          <BulkSteps
            key={`${kind} ${store} ${capture}`}
            isReady={kind !== "move" || store !== ""}
            verb={kind === "move" ? "Move" : kind === "archive" ? "Archive" : kind === "restore" ? "Restore" : "Set"}
            run={(isDryRun) =>
              changeTerminalsAction(
                { ids: rows.map((row) => row.id), change: changeOf(kind, store, capture) },
                isDryRun,
              )
            }
            onClose={() => {
              setOpen(false);
              onDone();
            }}
          />
        </div>
      </DialogContent>
    </Dialog>
  );
}
