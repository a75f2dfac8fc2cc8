"use client";

import { ListChecks } from "lucide-react";
import { planFoundCapturesAction, planFoundRefundsAction } from "@/app/(dashboard)/payments/bulk/actions";
import { Button } from "@/components/ui/button";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuLabel,
  DropdownMenuTrigger,
} from "@/components/ui/dropdown-menu";
import type { PaymentFilter } from "@/server/domain/payments/schema";
import { useBulkPlan } from "./use-bulk-plan";

/** What can be done with all that the filter finds, on other pages too: each leads to a preview, where nothing is asked for yet. */
export function BulkFound({ filter, may }: { filter: PaymentFilter; may: { capture: boolean; refund: boolean } }) {
  const { busy, plan } = useBulkPlan();
  return (
    <DropdownMenu>
      <DropdownMenuTrigger asChild>
        <Button variant="ghost" isBusy={busy !== null} className="max-lg:px-2">
          {busy === null ? <ListChecks aria-hidden /> : null}
          <span className="max-lg:sr-only">All of the filter</span>
        </Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent>
        <DropdownMenuLabel>All payments of the filter</DropdownMenuLabel>
        {may.capture ? (
          <DropdownMenuItem onSelect={() => plan("CAPTURE", () => planFoundCapturesAction(filter))}>
            Preview captures
          </DropdownMenuItem>
        ) : null}
        {may.refund ? (
          <DropdownMenuItem onSelect={() => plan("REFUND", () => planFoundRefundsAction(filter))}>
            Preview refunds
          </DropdownMenuItem>
        ) : null}
      </DropdownMenuContent>
    </DropdownMenu>
  );
}
