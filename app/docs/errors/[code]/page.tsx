import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { adviceFor } from "@/app/docs/errors/advice";
import { Words } from "@/app/docs/words";
import { DefinitionList } from "@/components/display/definition-list";
import { TextLink } from "@/components/text-link";
import { webServices } from "@/server/auth/web";
import { ERROR_CATALOGUE, type ErrorCode } from "@/server/core/errors";

type Params = { params: Promise<{ code: string }> };

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CATALOGUE, code);
}

export async function generateMetadata({ params }: Params): Promise<Metadata> {
  const { code } = await params;
  return { title: isErrorCode(code) ? code : "Errors" };
}

/** Where the `type` of a problem document leads. */
export default async function ErrorCodePage({ params }: Params) {
  const { code } = await params;
  if (!isErrorCode(code)) notFound();
  const { status, title, retryable } = ERROR_CATALOGUE[code];
  const example = {
    type: `${webServices().env.PUBLIC_URL}/docs/errors/${code}`,
    title,
    status,
    detail: title,
    code,
    request_id: "req_01JD8Q4W6Z5M2N7T9V3X1Y0ABC",
    ...(code === "validation_failed" ? { errors: [{ pointer: "/amount", detail: "must be 1 or more" }] } : {}),
  };
  return (
    <article className="mx-auto grid max-w-[760px] gap-6">
      <header>
        <p className="text-sm">
          <TextLink href="/docs/errors">Errors</TextLink>
        </p>
        <h1 className="mt-1 break-all font-mono font-semibold text-xl">{code}</h1>
        <p className="mt-1 text-base text-ink-2">{title}</p>
      </header>
      <DefinitionList
        items={[
          { term: "HTTP status", value: status },
          {
            term: "Repeat it?",
            value: retryable
              ? "Yes: the same request may succeed later. Use the same Idempotency-Key."
              : "No: the same request is refused again.",
          },
          { term: "What to do", value: <Words text={adviceFor(code, retryable)} /> },
        ]}
      />
      <section>
        <h2 className="mb-2 font-semibold text-base">What it looks like</h2>
        <pre className="overflow-x-auto whitespace-pre-wrap break-all rounded-md border border-line bg-bg p-3 font-mono text-xs leading-5">
          {JSON.stringify(example, null, 2)}
        </pre>
      </section>
    </article>
  );
}
