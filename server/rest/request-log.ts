import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { redact } from "@/server/core/redact";
import type { Mode } from "@/server/core/schema";

const FLUSH_MS = 250;
const BATCH_MAX = 500;
const WAITING_MAX = 5_000;

export type LoggedRequest = {
  partnerId: string;
  mode: Mode;
  apiKeyId: string;
  requestId: string;
  method: string;
  path: string;
  status: number;
  durationMs: number;
  address: string | null;
  request: unknown;
  response: unknown;
  at: Date;
};

export type RequestLog = {
  /** Takes a line; never waits and never fails. Under pressure lines are dropped, answers are not. */
  add(entry: LoggedRequest): void;
  /** Resolves when everything taken so far is written or given up. */
  flush(): Promise<void>;
};

/** The Partner's request log: masked and written in batches behind the answers. */
export function createRequestLog(services: Pick<Services, "db" | "log">): RequestLog {
  let waiting: LoggedRequest[] = [];
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const rowOf = (entry: LoggedRequest) => ({
    id: entry.requestId.startsWith("req_") ? entry.requestId : newId("request"),
    partner_id: entry.partnerId,
    mode: entry.mode,
    api_key_id: entry.apiKeyId,
    method: entry.method,
    path: entry.path.slice(0, 500),
    status: entry.status,
    duration_ms: Math.round(entry.durationMs),
    address: entry.address,
    request: redact(entry.request),
    response: redact(entry.response),
    created_at: entry.at,
  });

  async function write(batch: readonly LoggedRequest[]): Promise<void> {
    try {
      await services.db.query({
        name: "request_log_batch",
        text: `insert into request_log (id, partner_id, mode, api_key_id, method, path, status, duration_ms, address, request, response, created_at)
               select id, partner_id, mode, api_key_id, method, path, status, duration_ms, address,
                      nullif(request, 'null'::jsonb), nullif(response, 'null'::jsonb), created_at
               from jsonb_to_recordset($1::jsonb) as r(id text, partner_id text, mode text, api_key_id text, method text, path text,
                 status int, duration_ms int, address text, request jsonb, response jsonb, created_at timestamptz)
               on conflict (id) do nothing`,
        values: [JSON.stringify(batch.map(rowOf))],
      });
    } catch (error) {
      services.log.warn({ quantity: batch.length, error }, "lines of the request log were not written");
    }
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (dropped > 0) services.log.warn({ quantity: dropped }, "lines of the request log were dropped");
    dropped = 0;
    const lines = waiting;
    waiting = [];
    for (let start = 0; start < lines.length; start += BATCH_MAX) {
      const batch = lines.slice(start, start + BATCH_MAX);
      writing = writing.then(() => write(batch));
    }
    return writing;
  }

  return {
    add: (entry) => {
      if (waiting.length >= WAITING_MAX) {
        dropped += 1;
        return;
      }
      waiting.push(entry);
      timer ??= setTimeout(flush, FLUSH_MS);
      timer.unref();
    },
    flush,
  };
}
