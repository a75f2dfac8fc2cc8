import type { inferRouterOutputs } from "@trpc/server";
import type { AppRouter } from "@/server/trpc/root";

type Outputs = inferRouterOutputs<AppRouter>["payments"];

export type PaymentList = Outputs["list"];
export type PaymentListRow = PaymentList["data"][number];
export type PaymentTotalsView = Outputs["totals"];
export type PaymentRecordView = Outputs["get"];
export type PaymentTimelineView = Outputs["timeline"];
export type PaymentTimelineEntry = PaymentTimelineView["items"][number];
