import { InngestCommHandler, type ServeHandlerOptions } from "inngest";

/** A call of functions in this process: the protocol's request and answer as plain texts. */
export type LocalRequest = Readonly<{
  method: "PUT" | "POST";
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: string;
}>;
export type LocalAnswer = Readonly<{ status: number; headers: Readonly<Record<string, string>>; body: string }>;
export type LocalHandler = (request: LocalRequest) => Promise<LocalAnswer>;

/**
 * Serves functions to the engine of the same process. Nobody else can call them, so nothing is signed and no HTTP objects are
 * made for what never leaves the process; texts keep both sides from changing what the other one holds.
 */
export function serveInProcess(options: ServeHandlerOptions): LocalHandler {
  const handler = new InngestCommHandler<[LocalRequest], LocalAnswer>({
    frameworkName: "embedded",
    ...options,
    skipSignatureValidation: true,
    handler: (request: LocalRequest) => ({
      body: () => request.body,
      headers: (key) => request.headers[key.toLowerCase()] ?? null,
      method: () => request.method,
      url: () => request.url,
      transformResponse: ({ body, status, headers }) => ({ body, status, headers }),
    }),
  });
  return handler.createHandler();
}

/**
 * The SDK reads the whole environment at each call, which costs more than the rest of a call while it is the system's own.
 * Call it once when the process starts.
 */
export function copyEnvironment(): void {
  process.env = { ...process.env };
}
