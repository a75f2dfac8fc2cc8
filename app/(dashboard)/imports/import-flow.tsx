"use client";

import { useState } from "react";
import { TRPCReactProvider } from "@/components/trpc-provider";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import type { ImportKind } from "@/server/domain/imports/states";
import { ImportSteps } from "./_components/import-steps";
import { UploadFile } from "./_components/upload-file";

/**
 * A whole import as a part of another screen: file, columns, check, run, result. `onChange` is called when rows begin to be
 * made and when that is over: a draft that shows them is to be read anew both times.
 */
export function ImportFlow({
  kind,
  partnerId,
  onChange,
}: {
  kind: ImportKind;
  partnerId: string;
  onChange?: () => void;
}) {
  const [id, setId] = useState<string | null>(null);
  return (
    <TRPCReactProvider>
      {id === null ? (
        <Panel>
          <UploadFile kind={kind} partnerId={partnerId} onUploaded={setId} />
        </Panel>
      ) : (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
          <ImportSteps id={id} onChange={onChange} />
          <div className="flex justify-end">
            <Button variant="ghost" onClick={() => setId(null)}>
              Another file
            </Button>
          </div>
        </div>
      )}
    </TRPCReactProvider>
  );
}
