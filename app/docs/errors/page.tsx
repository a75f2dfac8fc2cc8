import type { Metadata } from "next";
import { TextLink } from "@/components/text-link";
import { ERROR_CATALOGUE } from "@/server/core/errors";

export const metadata: Metadata = { title: "Errors" };

export default function ErrorsPage() {
  const byStatus = [...Map.groupBy(Object.entries(ERROR_CATALOGUE), ([, entry]) => entry.status)].sort(
    ([a], [b]) => a - b,
  );
  return (
    <div className="mx-auto grid max-w-[760px] gap-6">
      <header>
        <h1 className="font-semibold text-3xl tracking-[-0.02em]">Errors</h1>
        <p className="mt-1 text-base text-ink-2">
          A refusal is a problem document (RFC 9457) with a code that never changes its meaning. Decide by the code, not
          by the sentence.
        </p>
      </header>
      {byStatus.map(([status, entries]) => (
        <section key={status} aria-labelledby={`status-${status}`}>
          <h2 id={`status-${status}`} className="border-line border-b pb-1 font-semibold text-base">
            {status}
          </h2>
          <ul>
            {entries.map(([code, entry]) => (
              <li
                key={code}
                className="grid gap-x-4 border-line border-b py-2 last:border-b-0 sm:grid-cols-[240px_minmax(0,1fr)]"
              >
                <TextLink href={`/docs/errors/${code}`} className="break-all font-mono text-xs leading-5">
                  {code}
                </TextLink>
                <span className="text-ink-2 text-sm">{entry.title}</span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
