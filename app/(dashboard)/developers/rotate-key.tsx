"use client";

import { useState } from "react";
import type { ActionResult } from "@/components/action-result";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { type KeyMade, rotateKeyAction } from "./actions";
import { KeyMadeContent } from "./key-made";

const OVERLAPS = [
  { value: "0", label: "Ends at once" },
  { value: "1", label: "Works for another hour" },
  { value: "24", label: "Works for another day" },
  { value: "168", label: "Works for another week" },
];

/** A new secret for a key, while systems that hold the old one change over. */
export function RotateKey({
  id,
  name,
  hint,
  onRotate = rotateKeyAction,
}: {
  id: string;
  name: string;
  hint: string;
  onRotate?: ((input: { id: string; overlapHours: number }) => Promise<ActionResult<KeyMade>>) | undefined;
}) {
  const [isOpen, setOpen] = useState(false);
  const [overlap, setOverlap] = useState("24");
  const [made, setMade] = useState<KeyMade | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [isRunning, setRunning] = useState(false);
  const close = (): void => {
    setOpen(false);
    setMade(null);
    setFailure(null);
  };
  async function rotate(): Promise<void> {
    setRunning(true);
    setFailure(null);
    const result = await onRotate({ id, overlapHours: Number(overlap) }).catch(() => null);
    setRunning(false);
    if (result?.ok) setMade(result.data);
    else setFailure(result?.message ?? "No answer came back. Look among the keys before trying again.");
  }
  return (
    <Dialog open={isOpen} onOpenChange={(open) => (open ? setOpen(true) : isRunning ? undefined : close())}>
      <DialogTrigger asChild>
        <Button size="sm">
          Rotate<span className="sr-only"> the key {name}</span>
        </Button>
      </DialogTrigger>
      {made === null ? (
        <DialogContent
          title={`Rotate ${name}`}
          description="A new key with the same name, scopes, addresses and life takes the place of this one."
          footer={
            <>
              <Button disabled={isRunning} onClick={close}>
                Go back
              </Button>
              <Button variant="primary" isBusy={isRunning} onClick={() => void rotate()}>
                Create the new key
              </Button>
            </>
          }
        >
          <div className="grid gap-4">
            <Field label="The old key" hint={<span className="font-mono">{hint}</span>} isRequired>
              {(control) => <Select {...control} options={OVERLAPS} value={overlap} onValueChange={setOverlap} />}
            </Field>
            {failure === null ? null : <Notice tone="bad" title={failure} />}
          </div>
        </DialogContent>
      ) : (
        <KeyMadeContent made={made} onClose={close} />
      )}
    </Dialog>
  );
}
