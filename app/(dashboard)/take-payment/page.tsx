import { MonitorSmartphone } from "lucide-react";
import type { Metadata } from "next";
import { EmptyState } from "@/components/empty-state";
import { Page, PageHeader } from "@/components/page-header";
import { ButtonLink } from "@/components/ui/button";
import { webContext } from "@/server/auth/web";
import { newReference } from "./_components/new-reference";
import { pointsOfSale } from "./_components/points-of-sale";
import { TakePaymentForm } from "./_components/take-payment-form";

export const metadata: Metadata = { title: "Take a payment" };

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> };

export default async function TakePaymentPage({ searchParams }: Props) {
  const ctx = await webContext("payments:create");
  const [points, { terminal }] = await Promise.all([pointsOfSale(ctx), searchParams]);
  const named = points.find((point) => point.terminal.id === terminal);
  const chosen = named ?? points[0];
  return (
    <Page isForm>
      <PageHeader
        title="Take a payment"
        description="The customer scans the code on the display and pays with Klarna on their phone."
      />
      {chosen === undefined ? (
        <div className="rounded-md border border-line bg-surface">
          <EmptyState
            icon={MonitorSmartphone}
            title="No terminal to take it at"
            description="A payment is taken at an active terminal that can show a QR code. None is registered in this mode."
            action={<ButtonLink href="/terminals">See the terminals</ButtonLink>}
          />
        </div>
      ) : (
        <TakePaymentForm
          points={points}
          chosen={chosen}
          isNamed={named !== undefined}
          reference={newReference(ctx.clock.now())}
        />
      )}
    </Page>
  );
}
