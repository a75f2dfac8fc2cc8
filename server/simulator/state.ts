import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { z } from "zod";
import {
  AuthorizationSchema,
  CallbackSchema,
  ClassicCredentialSchema,
  ClassicOrderSchema,
  ClassicSessionSchema,
  HppSessionSchema,
  ShortCodeSchema,
} from "./classic/model";
import { CustomerTokenSchema, ShoppingSessionSchema } from "./customer-tokens-model";
import { AttachmentSchema, DisputeEnrolmentSchema, DisputeSchema, DisputingPaymentSchema } from "./disputes/model";
import {
  CredentialSchema,
  DecisionSchema,
  DeepLinkSchema,
  ManagementSchema,
  PaymentAccountSchema,
  ResourceSchema,
  StepSchema,
} from "./management/model";
import {
  AccountSchema,
  DeliverySchema,
  FaultSchema,
  FiredTriggerSchema,
  IdempotentAnswerSchema,
  PaymentRequestSchema,
  SigningKeySchema,
  StoredSettingsSchema,
  TransactionSchema,
  WebhookSchema,
} from "./model";
import {
  LineSchema,
  SettlementRunSchema,
  SettlementSchema,
  SftpSettingsSchema,
  TermsDocumentSchema,
} from "./settlements/model";

/**
 * Memory first, disk before the answer. All reads come from maps; every change marks its document dirty, and one SQLite
 * transaction per turn of the event loop writes all dirty documents. Whoever must not answer before the write awaits
 * `durable()`, so that many answers share one commit. The file lives in the operating system's cache after a commit,
 * which survives `kill -9` of this process.
 */

export type Collection<T> = {
  get(id: string): T | undefined;
  /** Stores or marks as changed. The document is serialised at the next commit, not now. */
  put(value: T): void;
  remove(id: string): void;
  clear(): void;
  values(): IterableIterator<T>;
  readonly size: number;
};

const SHAPE_VERSION = 2;

type Slot = { seq: number; kind: string; value: unknown; isRemoved: boolean };

type Loader = (body: string, seq: number) => void;

export type State = ReturnType<typeof openState>;

/** Opens the state in `<dataDir>/simulator.sqlite`, or in memory only when `dataDir` is null. */
export function openState(dataDir: string | null) {
  let database: DatabaseSync | null = null;
  if (dataDir !== null) {
    mkdirSync(dataDir, { recursive: true });
    database = new DatabaseSync(join(dataDir, "simulator.sqlite"));
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;");
    const version = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
    // The file is a convenience that may be wiped at any time; one of another shape is started anew, never migrated.
    if (version !== SHAPE_VERSION)
      database.exec(`DROP TABLE IF EXISTS document; PRAGMA user_version = ${SHAPE_VERSION};`);
    database.exec(
      "CREATE TABLE IF NOT EXISTS document (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL)",
    );
  }
  const upsert = database?.prepare(
    "INSERT INTO document (seq, kind, body) VALUES (?, ?, ?) ON CONFLICT (seq) DO UPDATE SET body = excluded.body",
  );
  const remove = database?.prepare("DELETE FROM document WHERE seq = ?");

  let lastSeq = 0;
  const dirty = new Set<Slot>();
  const loaders = new Map<string, Loader>();
  let pending: Promise<void> | null = null;

  function flush(): void {
    if (database === null || upsert === undefined || remove === undefined) {
      dirty.clear();
      return;
    }
    if (dirty.size === 0) return;
    database.exec("BEGIN IMMEDIATE");
    try {
      for (const slot of dirty) {
        if (slot.isRemoved) remove.run(slot.seq);
        else upsert.run(slot.seq, slot.kind, JSON.stringify(slot.value));
      }
      database.exec("COMMIT");
    } catch (error) {
      // The dirty documents stay marked: the next commit tries them again.
      database.exec("ROLLBACK");
      throw error;
    }
    dirty.clear();
  }

  function schedule(): Promise<void> {
    pending ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        pending = null;
        try {
          flush();
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
    return pending;
  }

  function mark(slot: Slot): void {
    if (database === null) return;
    dirty.add(slot);
    schedule().catch(() => undefined);
  }

  function collection<S extends z.ZodType>(
    kind: string,
    schema: S,
    idOf: (value: z.infer<S>) => string,
  ): Collection<z.infer<S>> {
    type Value = z.infer<S>;
    const values = new Map<string, Value>();
    const slots = new Map<string, Slot>();
    loaders.set(kind, (body, seq) => {
      const value = schema.parse(JSON.parse(body));
      values.set(idOf(value), value);
      slots.set(idOf(value), { seq, kind, value, isRemoved: false });
    });
    return {
      get: (id) => values.get(id),
      put(value) {
        const id = idOf(value);
        let slot = slots.get(id);
        if (slot === undefined) {
          lastSeq += 1;
          slot = { seq: lastSeq, kind, value, isRemoved: false };
          slots.set(id, slot);
          values.set(id, value);
        } else if (slot.value !== value) {
          slot.value = value;
          values.set(id, value);
        }
        mark(slot);
      },
      remove(id) {
        const slot = slots.get(id);
        if (slot === undefined) return;
        slot.isRemoved = true;
        slots.delete(id);
        values.delete(id);
        mark(slot);
      },
      clear() {
        for (const slot of slots.values()) {
          slot.isRemoved = true;
          mark(slot);
        }
        slots.clear();
        values.clear();
      },
      values: () => values.values(),
      get size() {
        return values.size;
      },
    };
  }

  const collections = {
    settings: collection("settings", StoredSettingsSchema, (value) => value.id),
    accounts: collection("account", AccountSchema, (value) => value.account_id),
    requests: collection("request", PaymentRequestSchema, (value) => value.payment_request_id),
    transactions: collection("transaction", TransactionSchema, (value) => value.payment_transaction_id),
    customerTokens: collection("customer_token", CustomerTokenSchema, (value) => value.customer_token),
    shoppingSessions: collection("shopping_session", ShoppingSessionSchema, (value) => value.session_token),
    answers: collection("answer", IdempotentAnswerSchema, (value) => value.id),
    signingKeys: collection("signing_key", SigningKeySchema, (value) => value.signing_key_id),
    webhooks: collection("webhook", WebhookSchema, (value) => value.webhook_id),
    deliveries: collection("delivery", DeliverySchema, (value) => value.delivery_id),
    faults: collection("fault", FaultSchema, (value) => value.fault_id),
    firedTriggers: collection("fired_trigger", FiredTriggerSchema, (value) => value.id),
    management: collection("management", ManagementSchema, (value) => value.id),
    resources: collection("resource", ResourceSchema, (value) => value.id),
    paymentAccounts: collection("payment_account", PaymentAccountSchema, (value) => value.payment_account_id),
    decisions: collection("decision", DecisionSchema, (value) => value.decision_id),
    steps: collection("step", StepSchema, (value) => value.step_id),
    credentials: collection("credential", CredentialSchema, (value) => value.credential_id),
    deepLinks: collection("deep_link", DeepLinkSchema, (value) => value.deep_link_id),
    terms: collection("terms", TermsDocumentSchema, (value) => value.id),
    settlementLines: collection("settlement_line", LineSchema, (value) => value.line_id),
    settlements: collection("settlement", SettlementSchema, (value) => value.settlement_id),
    settlementRuns: collection("settlement_run", SettlementRunSchema, (value) => value.id),
    sftp: collection("sftp", SftpSettingsSchema, (value) => value.id),
    disputes: collection("dispute", DisputeSchema, (value) => value.payment_dispute_id),
    disputeAttachments: collection(
      "dispute_attachment",
      AttachmentSchema,
      (value) => value.payment_dispute_attachment_id,
    ),
    disputingPayments: collection("disputing_payment", DisputingPaymentSchema, (value) => value.id),
    classicCredentials: collection("classic_credential", ClassicCredentialSchema, (value) => value.username),
    classicSessions: collection("classic_session", ClassicSessionSchema, (value) => value.session_id),
    classicAuthorizations: collection(
      "classic_authorization",
      AuthorizationSchema,
      (value) => value.authorization_token,
    ),
    classicOrders: collection("classic_order", ClassicOrderSchema, (value) => value.order_id),
    hppSessions: collection("hpp_session", HppSessionSchema, (value) => value.hpp_session_id),
    classicCallbacks: collection("classic_callback", CallbackSchema, (value) => value.callback_id),
    shortCodes: collection("short_code", ShortCodeSchema, (value) => value.visit_id),
    disputeEnrolments: collection("dispute_enrolment", DisputeEnrolmentSchema, (value) => value.id),
  };

  if (database !== null) {
    for (const row of database.prepare("SELECT seq, kind, body FROM document ORDER BY seq").iterate()) {
      const seq = Number(row.seq);
      lastSeq = Math.max(lastSeq, seq);
      loaders.get(String(row.kind))?.(String(row.body), seq);
    }
  }

  const { settings: _settings, sftp: _sftp, management: _management, ...forgettable } = collections;

  return {
    ...collections,
    /** Forgets everything but the settings and the keys that others hold. */
    clear(): void {
      for (const each of Object.values(forgettable)) each.clear();
    },
    /** Resolves when everything changed so far is on disk. */
    durable: (): Promise<void> => (database === null || dirty.size === 0 ? Promise.resolve() : schedule()),
    close(): void {
      flush();
      database?.close();
      database = null;
    },
  };
}
