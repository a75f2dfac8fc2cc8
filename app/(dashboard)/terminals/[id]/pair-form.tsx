"use client";

import { useState } from "react";
import { CopyButton } from "@/components/display/copy-button";
import { DateTime } from "@/components/display/date-time";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import {
  DEVICE_PURPOSES,
  type DevicePurpose,
  PURPOSE_WORDS,
  purposeOf,
  type TerminalDevice,
} from "@/server/domain/terminals/states";
import { pairingCodeAction } from "../actions";

const HINTS: Readonly<Record<DevicePurpose, string>> = {
  KIOSK: "Customers use it themselves.",
  TILL: "Staff use it.",
};

/** Which kind of device, then the code to type there. */
export function PairForm({
  id,
  pairUrl,
  device,
  mayPairTill,
}: {
  id: string;
  pairUrl: string;
  device: TerminalDevice;
  /** False where a till would take returns, and the person may not refund. */
  mayPairTill: boolean;
}) {
  const [purpose, setPurpose] = useState<DevicePurpose>(mayPairTill ? purposeOf(device) : "KIOSK");
  const [made, setMade] = useState<{ code: string; expiresAt: string } | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [isRunning, setRunning] = useState(false);

  const make = (): void => {
    setRunning(true);
    setFailure(null);
    pairingCodeAction(id, purpose)
      .then((result) => (result.ok ? setMade(result.data) : setFailure(result.message)))
      .catch(() => setFailure("No answer came back. Try again."))
      .finally(() => setRunning(false));
  };

  if (made === null)
    return (
      <div className="grid gap-4">
        <Field label="The device is a" isRequired>
          {(control) => (
            <Select
              {...control}
              options={DEVICE_PURPOSES.map((value) => ({
                value,
                label: PURPOSE_WORDS[value],
                hint: HINTS[value],
                isDisabled: value === "TILL" && !mayPairTill,
              }))}
              value={purpose}
              onValueChange={(value) => setPurpose(value === "TILL" ? "TILL" : "KIOSK")}
            />
          )}
        </Field>
        {mayPairTill ? null : (
          <Notice tone="info" title="A till takes returns here: only who may refund can pair one." />
        )}
        {failure === null ? null : <Notice tone="bad" title={failure} />}
        <Button variant="primary" isBusy={isRunning} onClick={make} className="justify-self-end">
          Make a code
        </Button>
      </div>
    );
  return (
    <div className="grid gap-4" role="status">
      <ol className="grid list-decimal gap-1 pl-5 text-sm">
        <li>
          On the device, open <span className="break-all font-mono text-xs">{pairUrl}</span>
        </li>
        <li>Type this code there:</li>
      </ol>
      <p className="flex items-center justify-center gap-3 rounded-md border border-line bg-bg py-5">
        <code className="select-all font-mono font-semibold text-2xl tracking-widest">{made.code}</code>
        <CopyButton text={made.code} label="Copy the code" />
      </p>
      <p className="text-ink-3 text-xs">
        It works once, until <DateTime value={made.expiresAt} precision="minute" />. A new code ends this one.
      </p>
    </div>
  );
}
