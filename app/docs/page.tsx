import type { Metadata } from "next";
import type { ReactNode } from "react";
import { CopyButton } from "@/components/display/copy-button";
import { TextLink } from "@/components/text-link";
import { Badge } from "@/components/ui/badge";
import { webServices } from "@/server/auth/web";
import { type ApiDocument, apiDocument, type JsonSchema, type Operation } from "./document";
import { SchemaFields, typeWords } from "./schema-view";
import { Words } from "./words";

export const metadata: Metadata = { title: "API reference" };

export default function ReferencePage() {
  const { PUBLIC_URL } = webServices().env;
  const { info, groups, schemas } = apiDocument(PUBLIC_URL);
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-10 lg:grid-cols-[208px_minmax(0,1fr)]">
      <Contents groups={groups} />
      <div className="grid min-w-0 gap-12">
        <Beginning info={info} publicUrl={PUBLIC_URL} />
        {groups.map((group) => (
          <section key={group.tag} aria-labelledby={anchor(group.tag)} className="grid gap-8">
            <h2 id={anchor(group.tag)} className="scroll-mt-16 font-semibold text-xl tracking-[-0.01em]">
              {group.tag}
            </h2>
            {group.operations.map((operation) => (
              <OperationView
                key={operation.operationId}
                operation={operation}
                schemas={schemas}
                publicUrl={PUBLIC_URL}
              />
            ))}
          </section>
        ))}
      </div>
    </div>
  );
}

function anchor(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}

function Contents({ groups }: { groups: ApiDocument["groups"] }) {
  return (
    <nav aria-label="Contents" className="max-lg:hidden">
      <ul className="sticky top-20 grid max-h-[calc(100dvh-112px)] gap-3 overflow-y-auto">
        {groups.map((group) => (
          <li key={group.tag}>
            <a href={`#${anchor(group.tag)}`} className="font-medium text-sm hover:text-accent">
              {group.tag}
            </a>
            <ul className="mt-0.5">
              {group.operations.map((operation) => (
                <li key={operation.operationId}>
                  <a
                    href={`#${operation.operationId}`}
                    className="block truncate py-0.5 text-ink-2 text-xs leading-5 hover:text-accent"
                  >
                    {operation.summary}
                  </a>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Beginning({ info, publicUrl }: { info: ApiDocument["info"]; publicUrl: string }) {
  return (
    <section className="grid max-w-[720px] gap-4">
      <div>
        <h1 className="font-semibold text-3xl tracking-[-0.02em]">{info.title}</h1>
        <p className="mt-1 text-ink-2 text-base">{info.description}</p>
        <p className="mt-1 text-ink-3 text-xs">
          Version {info.version} ·{" "}
          <a href="/api/openapi.json" className="text-accent underline underline-offset-2">
            OpenAPI document
          </a>
        </p>
      </div>
      <Fact term="Address">
        <code className="font-mono text-xs">{publicUrl}/api/v1</code>
      </Fact>
      <Fact term="Key">
        <code className="font-mono text-xs">Authorization: Bearer tg_test_sk_…</code> names the Partner and the mode. It
        never belongs into a browser or an app. The acquirer's own systems use{" "}
        <code className="font-mono text-xs">tg_test_ak_…</code>, which names the mode and sees every Partner.
      </Fact>
      <Fact term="Repeating">
        Every POST carries an <code className="font-mono text-xs">Idempotency-Key</code>. The same key with the same
        body gets the first answer again, so a call that got no answer is simply sent once more.
      </Fact>
      <Fact term="Errors">
        A problem document with a <code className="font-mono text-xs">code</code> and a{" "}
        <code className="font-mono text-xs">request_id</code>; every code has{" "}
        <TextLink href="/docs/errors" isInText>
          its page
        </TextLink>
        . A declined payment is an answer, not an error.
      </Fact>
      <Fact term="Classic terminals">
        A terminal may be set to Klarna's classic in-store sessions (setting{" "}
        <code className="font-mono text-xs">rail</code>): the object, the statuses and the webhooks are the same.{" "}
        <code className="font-mono text-xs">qr</code> is null until the code is there, Klarna places the order itself,
        and a failure tells what to do: <code className="font-mono text-xs">short_code_refused</code> ask for another
        code, <code className="font-mono text-xs">data_refused</code> correct the sale,{" "}
        <code className="font-mono text-xs">klarna_not_permitted</code> and{" "}
        <code className="font-mono text-xs">klarna_error</code> do not try again, call support.
      </Fact>
      <Fact term="Trying">
        In test mode amounts steer the outcome and calls play the customer: see{" "}
        <TextLink href="/docs/testing" isInText>
          testing
        </TextLink>
        .
      </Fact>
    </section>
  );
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div className="grid gap-x-4 border-line border-t pt-3 sm:grid-cols-[112px_minmax(0,1fr)]">
      <p className="font-medium text-sm">{term}</p>
      <p className="min-w-0 break-words text-ink-2 text-sm">{children}</p>
    </div>
  );
}

function OperationView({
  operation,
  schemas,
  publicUrl,
}: {
  operation: Operation;
  schemas: ApiDocument["schemas"];
  publicUrl: string;
}) {
  const body = operation.requestBody?.content["application/json"]?.schema;
  const curl = curlOf(operation, publicUrl, body !== undefined);
  const done = Object.entries(operation.responses).filter(([status]) => status.startsWith("2"));
  const failed = Object.entries(operation.responses).filter(([status]) => !status.startsWith("2"));
  return (
    <article
      id={operation.operationId}
      aria-labelledby={`${operation.operationId}-title`}
      className="grid scroll-mt-16 grid-cols-[minmax(0,1fr)] gap-x-8 gap-y-4 border-line border-t pt-5 xl:grid-cols-[minmax(0,1fr)_380px]"
    >
      <div className="grid content-start gap-4">
        <div>
          <h3 id={`${operation.operationId}-title`} className="font-semibold text-base">
            {operation.summary}
          </h3>
          <p className="mt-0.5 flex flex-wrap items-center gap-2">
            <Badge tone={operation.method === "GET" ? "info" : operation.method === "DELETE" ? "bad" : "good"}>
              {operation.method}
            </Badge>
            <code className="break-all font-mono text-xs">{operation.path}</code>
          </p>
          {operation.description === undefined ? null : (
            <p className="mt-2 max-w-prose whitespace-pre-line text-ink-2 text-sm">
              <Words text={operation.description} />
            </p>
          )}
        </div>
        {operation.parameters.length === 0 ? null : (
          <Part title="Parameters">
            <ul>
              {operation.parameters.map((parameter) => (
                <li key={`${parameter.in} ${parameter.name}`} className="border-line border-b py-2 last:border-b-0">
                  <p className="flex flex-wrap items-baseline gap-x-2.5">
                    <code className="font-medium font-mono text-xs">{parameter.name}</code>
                    <span className="text-ink-3 text-xs">
                      {parameter.in}, {typeWords(parameter.schema ?? {}, schemas)}
                    </span>
                    {parameter.required === true ? null : <span className="text-ink-3 text-xs">optional</span>}
                  </p>
                  {parameter.description === undefined && parameter.schema?.description === undefined ? null : (
                    <p className="text-ink-2 text-xs">{parameter.description ?? parameter.schema?.description}</p>
                  )}
                </li>
              ))}
            </ul>
          </Part>
        )}
        {body === undefined ? null : (
          <Part title="Body">
            <SchemaFields schema={body} schemas={schemas} />
          </Part>
        )}
        {done.map(([status, response]) => (
          <Part key={status} title={`Answer ${status}`} aside={response.description}>
            <AnswerView content={response.content} schemas={schemas} />
          </Part>
        ))}
      </div>
      <div className="grid content-start gap-3">
        <div className="relative rounded-md border border-line bg-bg">
          <pre className="overflow-x-auto whitespace-pre-wrap break-all p-3 pr-10 font-mono text-xs leading-5">
            {curl}
          </pre>
          <CopyButton text={curl} label="Copy this call" className="absolute top-1.5 right-1.5" />
        </div>
        {failed.length === 0 ? null : (
          <details className="group/errors rounded-md border border-line">
            <summary className="flex min-h-9 items-center gap-2 px-3 text-sm hover:bg-hover">
              <span className="font-medium">Errors</span>
              <span className="truncate text-ink-3 text-xs">{failed.map(([status]) => status).join(", ")}</span>
            </summary>
            <ul className="border-line border-t px-3 py-2">
              {failed.flatMap(([status, response]) =>
                [...response.description.matchAll(/`([a-z_]+)`/g)].map((match) => {
                  const code = match[1] ?? "";
                  return (
                    <li key={`${status} ${code}`} className="flex items-baseline gap-2 py-0.5 text-xs">
                      <span className="text-ink-3">{status}</span>
                      <TextLink href={`/docs/errors/${code}`} className="font-mono">
                        {code}
                      </TextLink>
                    </li>
                  );
                }),
              )}
            </ul>
          </details>
        )}
      </div>
    </article>
  );
}

function AnswerView({
  content,
  schemas,
}: {
  content: Operation["responses"][string]["content"];
  schemas: ApiDocument["schemas"];
}) {
  const [type, media] = Object.entries(content ?? {})[0] ?? [];
  if (type === undefined) return <p className="py-1.5 text-ink-3 text-xs">No body</p>;
  const schema: JsonSchema | undefined = media?.schema;
  if (type !== "application/json" || schema === undefined) {
    return <p className="py-1.5 font-mono text-ink-3 text-xs">{type}</p>;
  }
  return (
    <details className="group/answer">
      <summary className="inline-flex min-h-7 items-center rounded-xs text-accent text-xs hover:underline">
        <span className="group-open/answer:hidden">Show {typeWords(schema, schemas)}</span>
        <span className="hidden group-open/answer:inline">Hide</span>
      </summary>
      <SchemaFields schema={schema} schemas={schemas} />
    </details>
  );
}

function Part({ title, aside, children }: { title: string; aside?: string; children: ReactNode }) {
  return (
    <section>
      <h4 className="flex flex-wrap items-baseline gap-x-2 border-line border-b pb-1 font-medium text-xs">
        {title}
        {aside === undefined ? null : <span className="font-normal text-ink-3">{aside}</span>}
      </h4>
      {children}
    </section>
  );
}

function curlOf(operation: Operation, publicUrl: string, hasBody: boolean): string {
  const needsKey = operation.security.some((way) => "key" in way || "acquirerKey" in way);
  const lines = [`curl ${operation.method === "GET" ? "" : `-X ${operation.method} `}${publicUrl}${operation.path}`];
  if (needsKey) lines.push(`-H "Authorization: Bearer $TILLGATE_KEY"`);
  if (operation.parameters.some((parameter) => parameter.name.toLowerCase() === "idempotency-key")) {
    lines.push(`-H "Idempotency-Key: $(uuidgen)"`);
  }
  if (hasBody) {
    lines.push(`-H "Content-Type: application/json"`);
    lines.push(`-d '${EXAMPLES[operation.operationId] ?? "{}"}'`);
  }
  return lines.join(" \\\n  ");
}

const EXAMPLES: Readonly<Record<string, string>> = {
  createPayment:
    '{"amount":49900,"currency":"SEK","reference":"order-1001","launch":"qr","store":{"reference":"store-1"},"terminal":{"reference":"till-1"}}',
  createRefund: '{"amount":9900,"reason":"Returned unused"}',
  createWebhookEndpoint: '{"url":"https://shop.example/hooks/tillgate","events":["payment.*"]}',
  updateWebhookEndpoint: '{"events":["payment.*","refund.*"],"status":"enabled"}',
};
