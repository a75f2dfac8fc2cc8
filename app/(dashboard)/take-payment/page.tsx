import { MonitorSmartphone } from "lucide-react";
import type { Metadata } from "next";
import { EmptyState } from "@/components/empty-state";
import { Page, PageHeader } from "@/components/page-header";
import { ButtonLink } from "@/components/ui/button";
import { webContext } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { getPayment } from "@/server/domain/payments/service";
import { newReference } from "./_components/new-reference";
import { pointsOfSale } from "./_components/points-of-sale";
import { TakePaymentForm } from "./_components/take-payment-form";
import type { SaleAgain } from "./_components/take-payment-schema";

export const metadata: Metadata = { title: "Take a payment" };

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> };

/** What was asked for with a payment that ended without money; null for any other, and for none of theirs. */
async function saleAgain(ctx: ServiceContext, id: string): Promise<(SaleAgain & { terminalId: string }) | null> {
  if (!idSchema("payment").safeParse(id).success) return null;
  try {
    const { status, amount, currency, reference, launch, terminal } = await getPayment(ctx, id);
    if (!["declined", "canceled", "expired", "failed"].includes(status) || terminal === null) return null;
    const way = launch === "short_code" ? "short_code" : "qr";
    return { amount, currency, reference, launch: way, terminalId: terminal.id };
  } catch (error) {
    if (isAppError(error) && error.status === 404) return null;
    throw error;
  }
}

export default async function TakePaymentPage({ searchParams }: Props) {
  const ctx = await webContext("payments:create");
  const [points, { terminal, again }] = await Promise.all([pointsOfSale(ctx), searchParams]);
  const sale = typeof again === "string" ? await saleAgain(ctx, again) : null;
  const named = points.find((point) => point.terminal.id === (sale?.terminalId ?? terminal));
  const chosen = named ?? points[0];
  return (
    <Page isForm>
      <PageHeader
        title="Take a payment"
        description={
          points.some((point) => point.launches.includes("short_code"))
            ? "The customer scans the code on the display, or reads out a short code, and pays with Klarna on their phone."
            : "The customer scans the code on the display and pays with Klarna on their phone."
        }
      />
      {chosen === undefined ? (
        <div className="rounded-md border border-line bg-surface">
          <EmptyState
            icon={MonitorSmartphone}
            title="No terminal to take it at"
            description="A payment is taken at an active terminal that can show a QR code, or that is set to Klarna’s classic sessions. None is registered in this mode."
            action={<ButtonLink href="/terminals">See the terminals</ButtonLink>}
          />
        </div>
      ) : (
        <TakePaymentForm
          points={points}
          chosen={chosen}
          isNamed={named !== undefined}
          reference={sale?.reference ?? newReference(ctx.clock.now())}
          again={sale}
        />
      )}
    </Page>
  );
}
