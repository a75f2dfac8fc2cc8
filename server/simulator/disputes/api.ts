import { z } from "zod";
import { invalid, SimulatedError } from "../errors";
import type { Account } from "../model";
import { parseMultipart } from "../multipart";
import { pageOf, timeFilter, valuesOf } from "../paging";
import { parseBody } from "../requests";
import { type ApiCall, NO_FACTS, type Outcome, ok, type Route, type Router } from "../routing";
import { termsOf } from "../settlements/lines";
import { type Facts, nowFor, type Simulator } from "../simulator";
import { type Dispute, DisputeReasonSchema, DisputeStateSchema } from "./model";
import { acceptLoss, addAttachment, appealDispute, getAttachment, representDispute } from "./responses";
import { getDispute, sweepDisputes } from "./states";
import { disputeView } from "./views";

/** Disputes API v4. */

const PATH = "/v4/payment/disputes";
const SIZE_DEFAULT = 20;
const SIZE_MAX = 100;
const FIXED_SEGMENTS: ReadonlySet<string | undefined> = new Set(["partners", "merchants"]);

const EnrolBodySchema = z.looseObject({
  client_id: z
    .string()
    .regex(/^[a-zA-Z0-9]+$/)
    .min(1)
    .max(64),
});

const SORTS: Record<string, (a: Dispute, b: Dispute) => number> = {
  created_at: (a, b) => a.created_at - b.created_at,
  "-created_at": (a, b) => b.created_at - a.created_at,
  closed_at: (a, b) => (a.closed_at ?? Number.MAX_SAFE_INTEGER) - (b.closed_at ?? Number.MAX_SAFE_INTEGER),
  "-closed_at": (a, b) => (b.closed_at ?? 0) - (a.closed_at ?? 0),
};

function knownValues(query: URLSearchParams, name: string, max: number, known: readonly string[]): Set<string> {
  const values = valuesOf(query, name, max);
  for (const value of values) if (!known.includes(value)) throw invalid(name, `${value} is not known`);
  return new Set(values);
}

function listDisputes(sim: Simulator, query: URLSearchParams): Outcome {
  if (termsOf(sim, undefined).dispute_enrolment_required && sim.state.disputeEnrolments.size === 0) {
    throw new SimulatedError("OPERATION_FORBIDDEN", "No account is enrolled for disputes.");
  }
  const transactions = new Set(valuesOf(query, "payment_transaction_ids", 100));
  const orders = new Set(valuesOf(query, "order_ids", 100));
  const purchases = new Set(valuesOf(query, "purchase_references", 10));
  const states = knownValues(query, "state", 100, DisputeStateSchema.options);
  const reasons = knownValues(query, "reason", 10, DisputeReasonSchema.options);
  const isCreated = timeFilter(query, "created_at");
  const isClosed = timeFilter(query, "closed_at");
  const isUpdated = timeFilter(query, "updated_at");
  const sortNames = valuesOf(query, "sort_by", 10);
  const sorts = sortNames.map((name) => {
    const sort = SORTS[name];
    if (sort === undefined) throw invalid("sort_by", `${name} is not known`);
    return sort;
  });
  // What is equal stays in the order in which it came, or the other way round where the newest come first.
  const isNewestFirst = sortNames.at(-1)?.startsWith("-") ?? true;
  sweepDisputes(sim);
  const found = [...sim.state.disputes.values()].filter(
    (dispute) =>
      (transactions.size === 0 || transactions.has(dispute.payment_transaction_id)) &&
      (orders.size === 0 ||
        orders.has(dispute.payment_transaction_id.slice(dispute.payment_transaction_id.lastIndexOf(":") + 1))) &&
      (purchases.size === 0 || purchases.has(dispute.purchase_reference ?? "")) &&
      (states.size === 0 || states.has(dispute.state)) &&
      (reasons.size === 0 || reasons.has(dispute.dispute_reason)) &&
      isCreated(dispute.created_at) &&
      isClosed(dispute.closed_at) &&
      isUpdated(dispute.updated_at),
  );
  if (isNewestFirst) found.reverse();
  found.sort((a, b) => {
    for (const sort of sorts) {
      const order = sort(a, b);
      if (order !== 0) return order;
    }
    return 0;
  });
  const { items, pagination } = pageOf(sim, found, {
    path: PATH,
    query,
    idOf: (dispute) => dispute.payment_dispute_id,
    sizeDefault: SIZE_DEFAULT,
    sizeMax: SIZE_MAX,
  });
  return ok({ disputes: items.map((dispute) => disputeView(sim, dispute)), pagination });
}

function upload(sim: Simulator, call: ApiCall, account: Account, dispute: Dispute): Outcome {
  const parts = parseMultipart(call.header("content-type"), call.body);
  const file = parts.find((part) => part.name === "file");
  if (file === undefined) throw invalid("file", "is required");
  const named = parts.find((part) => part.name === "filename");
  const filename = named === undefined ? (file.filename ?? "") : Buffer.from(named.bytes).toString("utf8");
  const attachment = addAttachment(sim, account, dispute, { filename, bytes: file.bytes });
  return ok({ payment_dispute_attachment_id: attachment.payment_dispute_attachment_id }, 201);
}

function download(sim: Simulator, dispute: Dispute, attachmentId: string): Outcome {
  const attachment = getAttachment(sim, dispute, attachmentId);
  const plain = attachment.filename.replace(/[^\w .()-]/g, "_");
  return {
    status: 200,
    body: "",
    bytes: new Uint8Array(Buffer.from(attachment.content, "base64")),
    headers: {
      "content-type": attachment.content_type,
      "content-disposition": `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(attachment.filename)}`,
    },
  };
}

export function disputeRouter(sim: Simulator): Router {
  return (call, parts) => {
    const [version, area, noun, id, sub, subId, subSub] = parts;
    if (version !== "v4" || area !== "payment" || noun !== "disputes") return null;
    const { method } = call;
    const factsOf = (): Facts => {
      const dispute = id === undefined ? undefined : sim.state.disputes.get(id);
      if (dispute === undefined) return {};
      return {
        payment_transaction_reference: dispute.payment_transaction_reference ?? undefined,
        purchase_reference: dispute.purchase_reference ?? undefined,
        amount: dispute.amount,
      };
    };
    const on = (operation: string, run: (body: unknown) => Outcome, facts: () => Facts = NO_FACTS): Route => ({
      operation,
      accountId: null,
      category: "payment-dispute-management",
      facts,
      run: (_account, body) => run(body),
    });
    const about = (operation: string, work: (account: Account, dispute: Dispute, body: unknown) => Outcome): Route =>
      on(
        operation,
        (body) => {
          const { account, dispute } = getDispute(sim, id ?? "");
          return work(account, dispute, body);
        },
        factsOf,
      );

    if (id === undefined) return method === "GET" ? on("list_disputes", () => listDisputes(sim, call.query)) : null;
    if (FIXED_SEGMENTS.has(id)) {
      if (method !== "POST" || sub === undefined || subId !== "enroll" || parts.length !== 6) return null;
      return on("enroll_disputes", (body) => {
        const input = parseBody(EnrolBodySchema, body);
        const isKnown = sim.state.accounts.get(sub) !== undefined || sub === sim.settings().acquirer_account_id;
        if (!isKnown) throw new SimulatedError("OPERATION_FORBIDDEN", "The account is not one of yours.");
        sim.state.disputeEnrolments.put({ id: sub, client_id: input.client_id, created_at: nowFor(sim, undefined) });
        return { status: 204, body: null };
      });
    }
    if (sub === undefined) {
      return method === "GET" ? about("read_dispute", (_account, dispute) => ok(disputeView(sim, dispute))) : null;
    }
    if (sub === "attachments") {
      if (subId === undefined && method === "POST") {
        return {
          ...about("upload_attachment", (account, dispute) => upload(sim, call, account, dispute)),
          acceptsAnyBody: true,
        };
      }
      if (subId === undefined || subSub !== "download" || parts.length !== 7 || method !== "GET") return null;
      return about("download_attachment", (_account, dispute) => download(sim, dispute, subId));
    }
    if (method !== "POST" || subId !== undefined) return null;
    switch (sub) {
      case "accept-loss":
        return about("accept_dispute", (account, dispute) => ok(acceptLoss(sim, account, dispute), 202));
      case "represent":
        return about("represent_dispute", (account, dispute, body) =>
          ok(representDispute(sim, account, dispute, body), 201),
        );
      case "appeal":
        return about("appeal_dispute", (account, dispute, body) => ok(appealDispute(sim, account, dispute, body), 201));
      default:
        return null;
    }
  };
}
