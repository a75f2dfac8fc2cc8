"use client";

import { ImportFlow } from "@/app/(dashboard)/imports/import-flow";
import { Notice } from "@/components/notice";
import { Stat, StatRow } from "@/components/stat";
import { ButtonLink } from "@/components/ui/button";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import type { DraftRecord } from "@/server/domain/partners/schema-onboarding";
import type { DraftControl } from "./use-draft";

const COUNT = new Intl.NumberFormat("en");

/** Stores and terminals of the draft: rows of their own, one at a time or by file. */
export function StoresStep({
  draft,
  control,
  canImport,
  isReadOnly,
}: {
  draft: DraftRecord;
  control: DraftControl;
  canImport: boolean;
  isReadOnly: boolean;
}) {
  // An import adds to the draft's version at its start and its end.
  const follow = () => void control.read();
  return (
    <div className="grid gap-4">
      <StatRow>
        <Stat
          label="Stores"
          value={COUNT.format(draft.storeCount)}
          hint="in this draft"
          href={`/stores?partner=${draft.partnerId}`}
        />
        <Stat
          label="Terminals"
          value={COUNT.format(draft.terminalCount)}
          hint="in this draft"
          href={`/terminals?partner=${draft.partnerId}`}
        />
      </StatRow>
      {draft.storeGroups.length === 0 ? (
        <Notice tone="info" title="Add a store group first: every store belongs to one." />
      ) : isReadOnly ? null : (
        <>
          <div className="flex flex-wrap gap-2" data-path="stores">
            <ButtonLink href={`/stores/new?partner=${draft.partnerId}`}>Add one store</ButtonLink>
            {draft.storeCount === 0 ? null : (
              <ButtonLink href={`/terminals/new?partner=${draft.partnerId}`}>Add one terminal</ButtonLink>
            )}
          </div>
          {canImport ? (
            <Tabs defaultValue="STORES">
              <TabsList aria-label="What the file holds">
                <TabsTrigger value="STORES">Stores from a file</TabsTrigger>
                <TabsTrigger value="TERMINALS">Terminals from a file</TabsTrigger>
              </TabsList>
              <TabsContent value="STORES">
                <ImportFlow kind="STORES" partnerId={draft.partnerId} onChange={follow} />
              </TabsContent>
              <TabsContent value="TERMINALS">
                <ImportFlow kind="TERMINALS" partnerId={draft.partnerId} onChange={follow} />
              </TabsContent>
            </Tabs>
          ) : null}
        </>
      )}
    </div>
  );
}
