"use client";

import type { Route } from "next";
import dynamic from "next/dynamic";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { ConfirmAction } from "@/components/confirm-action";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import type { TerminalDevice } from "@/server/domain/terminals/states";
import { archiveTerminalAction, restoreTerminalAction, revokeDeviceAction, testQrAction } from "../actions";

// Loaded when a dialog is first opened.
const MoveForm = dynamic(() => import("./move-form").then((module) => module.MoveForm));
const PairForm = dynamic(() => import("./pair-form").then((module) => module.PairForm));

export function ArchiveTerminal({ id, label }: { id: string; label: string }) {
  const router = useRouter();
  return (
    <ConfirmAction
      label="Archive"
      size="sm"
      variant="ghost"
      title={`Archive ${label}?`}
      verb="Archive terminal"
      consequence="Payments there are refused from now on, and browsers that are paired with it are let go."
      reason={{ label: "Why" }}
      successMessage="Terminal archived"
      onConfirm={({ reason }) => archiveTerminalAction(id, reason.slice(0, 255))}
      onDone={() => router.refresh()}
    />
  );
}

export function RestoreTerminal({ id, label }: { id: string; label: string }) {
  const router = useRouter();
  return (
    <ConfirmAction
      label="Restore"
      size="sm"
      title={`Restore ${label}?`}
      verb="Restore terminal"
      tone="primary"
      consequence="Payments there are possible again. Browsers have to be paired anew."
      successMessage="Terminal restored"
      onConfirm={() => restoreTerminalAction(id)}
      onDone={() => router.refresh()}
    />
  );
}

export function MoveTerminal({
  id,
  label,
  store,
  partnerId,
}: {
  id: string;
  label: string;
  store: { id: string; name: string };
  partnerId: string;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Dialog open={isOpen} onOpenChange={setOpen}>
      <DialogTrigger asChild>
        <Button size="sm">Move</Button>
      </DialogTrigger>
      <DialogContent
        title={`Move ${label}`}
        description={`It stands in ${store.name}. Payments that were taken there stay with that store.`}
        className="max-w-[560px]"
      >
        <MoveForm id={id} partnerId={partnerId} from={store.id} onMoved={() => setOpen(false)} />
      </DialogContent>
    </Dialog>
  );
}

export function PairDevice({
  id,
  label,
  pairUrl,
  device,
  mayPairTill,
}: {
  id: string;
  label: string;
  pairUrl: string;
  device: TerminalDevice;
  mayPairTill: boolean;
}) {
  const router = useRouter();
  const [isOpen, setOpen] = useState(false);
  return (
    <Dialog
      open={isOpen}
      onOpenChange={(open) => {
        setOpen(open);
        if (!open) router.refresh();
      }}
    >
      <DialogTrigger asChild>
        <Button size="sm">Pair a device</Button>
      </DialogTrigger>
      <DialogContent title={`Pair a device with ${label}`} description="A browser becomes its kiosk or till.">
        <PairForm id={id} pairUrl={pairUrl} device={device} mayPairTill={mayPairTill} />
      </DialogContent>
    </Dialog>
  );
}

export function LetGo({ id, name }: { id: string; name: string }) {
  const router = useRouter();
  return (
    <ConfirmAction
      label="Let go"
      size="sm"
      variant="ghost"
      title="Let this device go?"
      verb="Let go"
      facts={[{ term: "Device", value: name }]}
      consequence="It is a stranger from the next moment on. It can be paired again with a new code."
      successMessage="Device let go"
      onConfirm={() => revokeDeviceAction(id)}
      onDone={() => router.refresh()}
    />
  );
}

/** Takes a small test payment at the terminal and shows its code. */
export function TestQr({ id }: { id: string }) {
  const router = useRouter();
  const [isRunning, setRunning] = useState(false);
  return (
    <Button
      isBusy={isRunning}
      onClick={() => {
        setRunning(true);
        testQrAction(id)
          .then((result) => {
            if (result.ok) router.push(`/take-payment/${result.data.paymentId}` as Route);
            else toast.error(result.message);
          })
          .catch(() => toast.error("No answer came back. Look at the payments before trying again."))
          .finally(() => setRunning(false));
      }}
    >
      Test QR
    </Button>
  );
}
