import type { Metadata } from "next";
import { AuthCard } from "@/app/(auth)/auth-card";
import { DefinitionList } from "@/components/display/definition-list";
import { ModeBadge } from "@/components/display/mode-badge";
import { Notice } from "@/components/notice";
import { Button, ButtonLink } from "@/components/ui/button";
import { PURPOSE_WORDS } from "@/server/domain/terminals/states";
import { unpairAction } from "./actions";
import { currentDevice, homeOf } from "./device-session";
import { KeepAlive } from "./keep-alive";
import { PairForm } from "./pair-form";

export const metadata: Metadata = { title: "Pair this device", referrer: "same-origin" };

/** What a browser at the counter opens: the code at first, then which terminal it is. Nobody signs in here. */
export default async function PairPage() {
  const device = await currentDevice();
  if (device === null)
    return (
      <AuthCard
        title="Pair this device"
        lead="Somebody makes a code on the terminal's page: Terminals, the terminal, Pair a device."
      >
        <PairForm />
      </AuthCard>
    );
  return (
    <AuthCard
      title={device.terminalLabel}
      lead={`This device is paired as a ${PURPOSE_WORDS[device.purpose].toLowerCase()}.`}
      foot="Keep this page open: it tells that the device is there."
    >
      <KeepAlive />
      {device.isUsable ? null : (
        <Notice tone="warn" title="No payments can be taken here now" className="mt-4">
          The store or the terminal is not in use.
        </Notice>
      )}
      <div className="mt-4">
        <DefinitionList
          items={[
            { term: "Partner", value: device.partnerName },
            { term: "Store", value: device.storeName },
            { term: "Reference", value: device.terminalReference },
            { term: "Mode", value: <ModeBadge mode={device.mode} /> },
          ]}
        />
      </div>
      <ButtonLink href={homeOf(device)} variant="primary" size="lg" className="mt-6 w-full">
        {device.purpose === "TILL" ? "Open the till" : "Open the kiosk"}
      </ButtonLink>
      <form action={unpairAction} className="mt-2">
        <Button type="submit" className="w-full">
          Unpair this device
        </Button>
      </form>
    </AuthCard>
  );
}
