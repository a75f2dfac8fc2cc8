import type { Metadata } from "next";
import { TextLink } from "@/components/text-link";
import { webServices } from "@/server/auth/web";

export const metadata: Metadata = { title: "Testing" };

/** What the last two digits of a test amount make happen while test payments go to the simulator. */
const TRIGGERS = [
  { digits: "01", outcome: "Declined at once", see: "The answer is 201 with status declined" },
  { digits: "02", outcome: "Approved at once", see: "The answer is 201 with status completed; no QR code is needed" },
  { digits: "03", outcome: "Declined in the journey", see: "The customer opens the QR code and is refused" },
  { digits: "04", outcome: "The customer never finishes", see: "The payment stays pending and expires" },
  {
    digits: "05",
    outcome: "Klarna's completed event is lost once",
    see: "Completed all the same, after up to ten seconds",
  },
  { digits: "06", outcome: "Klarna's completed event comes twice", see: "One completion, one event to you" },
  { digits: "07", outcome: "Klarna's events come out of order", see: "Completed; no step back" },
  { digits: "08", outcome: "Klarna fails once, then works", see: "A slower answer, nothing else" },
  { digits: "09", outcome: "Klarna is busy once, then works", see: "A slower answer, nothing else" },
  { digits: "10", outcome: "Klarna answers slowly", see: "The call takes about three seconds" },
];

const PLAYS = [
  { action: "complete", words: "The customer approves: the payment completes, with events and webhooks as in earnest" },
  { action: "decline", words: "Klarna refuses the customer in the journey" },
  { action: "abandon", words: "The customer leaves the journey; the payment is pending again" },
  { action: "expire", words: "The time to pay is over" },
];

export default function TestingPage() {
  const { PUBLIC_URL } = webServices().env;
  return (
    <article className="mx-auto grid max-w-[760px] gap-8">
      <header>
        <h1 className="font-semibold text-3xl tracking-[-0.02em]">Testing</h1>
        <p className="mt-1 text-base text-ink-2">
          A test key reaches test payments only, and no money moves. While test payments go to the simulator, two things
          make every outcome happen on demand: amounts and calls that play the customer.
        </p>
      </header>

      <section aria-labelledby="amounts">
        <h2 id="amounts" className="font-semibold text-xl">
          Amounts
        </h2>
        <p className="mt-1 text-ink-2 text-sm">
          The last two digits of the amount in minor units: <code className="font-mono text-xs">49901</code> is SEK
          499.01 and is declined at once. Every other amount asks the customer to go to Klarna and approve.
        </p>
        <div className="mt-3 overflow-x-auto">
          <table className="w-full text-sm">
            <thead>
              <tr className="border-line border-b text-left text-ink-3 text-xs">
                <th scope="col" className="py-1.5 pr-4 font-medium">
                  Ends in
                </th>
                <th scope="col" className="py-1.5 pr-4 font-medium">
                  What happens
                </th>
                <th scope="col" className="py-1.5 font-medium">
                  What you see
                </th>
              </tr>
            </thead>
            <tbody>
              {TRIGGERS.map((trigger) => (
                <tr key={trigger.digits} className="border-line border-b align-top last:border-b-0">
                  <th scope="row" className="py-2 pr-4 text-left font-medium font-mono text-xs leading-5">
                    {trigger.digits}
                  </th>
                  <td className="py-2 pr-4">{trigger.outcome}</td>
                  <td className="py-2 text-ink-2">{trigger.see}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>

      <section aria-labelledby="customer">
        <h2 id="customer" className="font-semibold text-xl">
          Playing the customer
        </h2>
        <p className="mt-1 text-ink-2 text-sm">
          Without a phone: one call does what the customer would. They answer{" "}
          <TextLink href="/docs/errors/simulator_required" isInText className="font-mono text-xs">
            simulator_required
          </TextLink>{" "}
          where test payments go to Klarna's own sandbox, and need a test key.
        </p>
        <pre className="mt-3 overflow-x-auto whitespace-pre-wrap break-all rounded-md border border-line bg-bg p-3 font-mono text-xs leading-5">
          {`curl -X POST ${PUBLIC_URL}/api/v1/test/payments/{id}/complete \\\n  -H "Authorization: Bearer $TILLGATE_KEY" \\\n  -H "Idempotency-Key: $(uuidgen)"`}
        </pre>
        <ul className="mt-3">
          {PLAYS.map((play) => (
            <li
              key={play.action}
              className="grid gap-x-4 border-line border-b py-2 last:border-b-0 sm:grid-cols-[112px_minmax(0,1fr)]"
            >
              <code className="font-mono text-xs leading-5">{play.action}</code>
              <span className="text-ink-2 text-sm">{play.words}</span>
            </li>
          ))}
        </ul>
      </section>

      <section aria-labelledby="clock">
        <h2 id="clock" className="font-semibold text-xl">
          Moving the clock
        </h2>
        <p className="mt-1 text-ink-2 text-sm">
          Your test payments live by a clock of their own that goes forward when you say so, in seconds. Journeys then
          expire and authorizations end as if you had waited; new payments are made at the new time. Webhooks, limits
          and the audit go by the real time, and there is no way back.
        </p>
        <pre className="mt-3 overflow-x-auto whitespace-pre-wrap break-all rounded-md border border-line bg-bg p-3 font-mono text-xs leading-5">
          {`curl -X POST ${PUBLIC_URL}/api/v1/test/clock \\\n  -H "Authorization: Bearer $TILLGATE_KEY" \\\n  -H "Idempotency-Key: $(uuidgen)" \\\n  -H "Content-Type: application/json" -d '{ "advance": 86400 }'`}
        </pre>
      </section>

      <section aria-labelledby="phone">
        <h2 id="phone" className="font-semibold text-xl">
          With a phone
        </h2>
        <p className="mt-1 text-ink-2 text-sm">
          Scan the QR code of a test payment, or open{" "}
          <code className="font-mono text-xs">klarna.qr_code.target_url</code>. Of a payment launched by redirect or SDK
          open <code className="font-mono text-xs">redirect_url</code>; afterwards the way leads back to your{" "}
          <code className="font-mono text-xs">return_url</code> with{" "}
          <code className="font-mono text-xs">payment_id</code> and <code className="font-mono text-xs">status</code>{" "}
          added. Any six digits are a good one-time code, except 999999. Then accept, refuse or leave.
        </p>
      </section>

      <section aria-labelledby="classic">
        <h2 id="classic" className="font-semibold text-xl">
          Classic in-store sessions
        </h2>
        <p className="mt-1 text-ink-2 text-sm">
          The demo's terminal <code className="font-mono text-xs">till-classic</code> sells by Klarna's classic
          sessions: the same payment, statuses and webhooks. What differs: <code className="font-mono text-xs">qr</code>{" "}
          is null in the answer and comes within a second or two, told by{" "}
          <code className="font-mono text-xs">payment.updated</code>; Klarna places the order itself, so there is no
          final call, and an automatic capture is a call after it. Until it is answered the status is{" "}
          <code className="font-mono text-xs">finalizing</code>. For{" "}
          <code className="font-mono text-xs">{'launch: "short_code"'}</code> take a code from the simulator's static QR
          page (<code className="font-mono text-xs">POST /_control/classic/short-codes</code>); any other code ends the
          payment as <code className="font-mono text-xs">failed</code> with{" "}
          <code className="font-mono text-xs">short_code_refused</code>. Amounts that end in 02 wait for the customer
          here, and 01 fails with <code className="font-mono text-xs">klarna_error</code>.
        </p>
      </section>

      <section aria-labelledby="webhooks">
        <h2 id="webhooks" className="font-semibold text-xl">
          Webhooks
        </h2>
        <p className="mt-1 text-ink-2 text-sm">
          Endpoints of test mode may be http addresses on this machine where the installation allows it. A test event is
          sent with <code className="font-mono text-xs">POST /webhook-endpoints/{"{id}"}/test</code> or from the
          dashboard; it goes the way of every other event and is signed by the same rules.
        </p>
      </section>
    </article>
  );
}
