"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ChangeMany } from "@/app/(dashboard)/bulk-change";
import { Notice } from "@/components/notice";
import { useTRPC } from "@/components/trpc-provider";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import type { StoreItem } from "@/server/domain/stores/schema";
import { OPENING_STATES, OPENING_WORDS } from "@/server/domain/stores/states";
import { changeStoresAction } from "./actions";

const KINDS = [
  { value: "group", label: "Move to another store group", verb: "Move" },
  { value: "opening", label: "Set whether they are open", verb: "Set" },
  { value: "archive", label: "Archive, with their terminals", verb: "Archive" },
  { value: "restore", label: "Restore", verb: "Restore" },
] as const;
type Kind = (typeof KINDS)[number]["value"];

const OPENINGS = OPENING_STATES.map((state) => ({ value: state.toLowerCase(), label: OPENING_WORDS[state] }));

function changeOf(kind: Kind, group: string, opening: string) {
  switch (kind) {
    case "group":
      return { kind, store_group: { id: group } };
    case "opening":
      return { kind, opening_state: opening };
    default:
      return { kind };
  }
}

/** The same change for the chosen stores: what would happen, then the change itself. */
export function ChangeStores({ rows, onDone }: { rows: readonly StoreItem[]; onDone: () => void }) {
  const trpc = useTRPC();
  const [isOpen, setOpen] = useState(false);
  const [kind, setKind] = useState<Kind>("group");
  const [group, setGroup] = useState("");
  const [opening, setOpening] = useState("open");
  const partners = [...new Set(rows.map((row) => row.partnerId))];
  const partner = partners.length === 1 ? (partners[0] ?? "") : "";
  const groups = useQuery({
    ...trpc.stores.groups.queryOptions({ partner }),
    enabled: isOpen && kind === "group" && partner !== "",
  });
  return (
    <ChangeMany
      title={`Change ${rows.length === 1 ? "one store" : `${rows.length} stores`}`}
      isOpen={isOpen}
      onOpen={setOpen}
      kinds={KINDS}
      kind={kind}
      onKind={setKind}
      question={`${kind} ${group} ${opening}`}
      isReady={kind !== "group" || (group !== "" && partner !== "")}
      run={(isDryRun) =>
        changeStoresAction({ ids: rows.map((row) => row.id), change: changeOf(kind, group, opening) }, isDryRun)
      }
      onDone={onDone}
    >
      {kind === "group" && partner === "" ? (
        <Notice title="Choose stores of one Partner">A store group belongs to one Partner.</Notice>
      ) : null}
      {kind === "group" && partner !== "" ? (
        <Field
          label="Store group"
          isRequired
          error={groups.isError ? "The groups could not be read. Close and try again." : undefined}
        >
          {(control) => (
            <Select
              {...control}
              options={(groups.data ?? []).map((one) => ({ value: one.id, label: one.name, hint: one.brandName }))}
              value={group}
              placeholder={groups.data?.length === 0 ? "The Partner has none" : "Choose a group"}
              onValueChange={setGroup}
            />
          )}
        </Field>
      ) : null}
      {kind === "opening" ? (
        <Field label="Opening" isRequired>
          {(control) => <Select {...control} options={OPENINGS} value={opening} onValueChange={setOpening} />}
        </Field>
      ) : null}
    </ChangeMany>
  );
}
