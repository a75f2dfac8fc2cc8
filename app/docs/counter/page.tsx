import type { Metadata } from "next";
import { TextLink } from "@/components/text-link";
import { webServices } from "@/server/auth/web";

export const metadata: Metadata = { title: "At the counter" };

const HANDOVER = [
  { name: "amount", words: "The amount in minor units: 11800 is 118.00." },
  { name: "currency", words: "An ISO 4217 code. All three are needed; without an amount the kiosk shows its start." },
  { name: "reference", words: "The number of the sale: the payment's reference, by which you find it again." },
  { name: "language", words: "Optional, such as sv: else the terminal's, else one of the store's country." },
];

const SETTINGS = [
  {
    name: "till_returns",
    words:
      "The paired till takes returns, of any sale of yours: other stores and online too. To turn it on, or to raise its limit, a key needs refunds:write as well.",
  },
  { name: "till_return_limit", words: "The most that the till gives back of one sale, in minor units; 0 is no limit." },
  {
    name: "till_return_currency",
    words:
      "The currency of that limit, by default your own. A sale in another currency is given back in the dashboard.",
  },
  { name: "kiosk_amount", words: "A kiosk that is handed nothing lets its customer type the amount." },
  { name: "language", words: "Of the customer's screens and of receipts; auto goes by the store's country." },
  {
    name: "qr_dark, qr_light, qr_margin",
    words: "Colours and quiet zone of the code. What cameras cannot read is refused.",
  },
  {
    name: "qr_error_correction, qr_logo",
    words: "With brand, your brand's logo stands in the code: that needs Q or H.",
  },
  { name: "receipt_header, receipt_footer", words: "Your words above and below what was sold." },
  { name: "time_zone", words: "Of the time on receipts; auto goes by the store's address." },
];

const RECEIPTS = [
  { name: "text/plain", words: "42 columns; also where the Accept header takes anything." },
  {
    name: "text/html, application/pdf",
    words: "The same on a page of its own; the PDF is as wide as the paper of a till.",
  },
  { name: "application/vnd.escpos", words: "Bytes for a receipt printer: text, the code, the cut." },
  { name: "?refund=ref_…", words: "The receipt of a return instead, of the place where it was taken." },
  { name: "?locale=sv-SE", words: "Words and figures of another language than the terminal's." },
];

/** For Partners without a till of their own, and for the software of a self-checkout. */
export default function CounterPage() {
  const { PUBLIC_URL } = webServices().env;
  return (
    <article className="mx-auto grid max-w-[760px] gap-8">
      <header>
        <h1 className="font-semibold text-3xl tracking-[-0.02em]">At the counter</h1>
        <p className="mt-1 text-base text-ink-2">
          Any browser becomes the till or the kiosk of one terminal: make a code on the terminal's page, open{" "}
          <code className="font-mono text-xs">{PUBLIC_URL}/pair</code> on the device and type it. The device then takes
          payments at that terminal and sees that terminal's payments; let it go there, and its next request is refused.
        </p>
      </header>
      <section aria-labelledby="kiosk">
        <h2 id="kiosk" className="font-semibold text-xl">
          A purchase for the kiosk
        </h2>
        <p className="mt-1 text-ink-2 text-sm">
          The software of a self-checkout opens this address in the paired browser. The kiosk offers Klarna in Klarna's
          words, shows the code, and goes back to its start by itself. What became of the payment you learn by webhook
          or by <TextLink href="/docs">reading it</TextLink> under its reference, never from the browser. Compare its
          amount with your own before you let the goods go: an address can be changed by whoever stands at the kiosk.
        </p>
        <pre className="mt-3 overflow-x-auto rounded-md border border-line bg-surface p-3 font-mono text-xs">
          {`${PUBLIC_URL}/kiosk/{terminal}?amount=11800&currency=SEK&reference=ON4711`}
        </pre>
        <Facts rows={HANDOVER} />
      </section>
      <section aria-labelledby="short-code">
        <h2 id="short-code" className="font-semibold text-xl">
          A short code at the till
        </h2>
        <p className="mt-1 text-ink-2 text-sm">
          Where a terminal is set to Klarna's classic sessions, a customer can scan the code that Klarna printed for the
          shop and read out the digits on the phone. The till and Take a payment ask for them beside the QR code; a till
          of your own sends <code className="font-mono text-xs">{'launch: "short_code"'}</code> with them. A code that
          Klarna does not know ends the payment with <code className="font-mono text-xs">short_code_refused</code>:
          nothing is charged, and the same reference takes another code.
        </p>
      </section>
      <section aria-labelledby="display">
        <h2 id="display" className="font-semibold text-xl">
          A screen for the customer
        </h2>
        <p className="mt-1 text-ink-2 text-sm">
          Open a payment's <code className="font-mono text-xs">display_url</code> on any screen that faces the customer,
          from a card terminal of 320×240 up: code, amount, time left and outcome, live. With{" "}
          <code className="font-mono text-xs">&amp;lang=sv</code> it speaks another language than the terminal's. For a
          screen of your own there are <code className="font-mono text-xs">qr.svg</code> and{" "}
          <code className="font-mono text-xs">qr.png</code>, gone with 410 once nobody is waited for any more.
        </p>
      </section>
      <section aria-labelledby="receipts">
        <h2 id="receipts" className="font-semibold text-xl">
          Receipts
        </h2>
        <p className="mt-1 text-ink-2 text-sm">
          <code className="font-mono text-xs">GET /payments/{"{id}"}/receipt</code> gives the receipt of an approved
          payment in the form that the Accept header asks for, with the references by which any till finds the sale
          again. In test mode it says that it is none.
        </p>
        <Facts rows={RECEIPTS} />
      </section>
      <section aria-labelledby="settings">
        <h2 id="settings" className="font-semibold text-xl">
          Settings of the terminal
        </h2>
        <p className="mt-1 text-ink-2 text-sm">
          Set on the screens or with <code className="font-mono text-xs">PATCH /terminals/{"{id}"}</code>; a terminal
          inherits what it does not say from its store, and the store from the Partner.
        </p>
        <Facts rows={SETTINGS} />
      </section>
    </article>
  );
}

function Facts({ rows }: { rows: readonly { name: string; words: string }[] }) {
  return (
    <dl className="mt-3 grid gap-2">
      {rows.map((row) => (
        <div key={row.name} className="grid gap-x-4 border-line border-b pb-2 last:border-b-0 sm:grid-cols-[160px_1fr]">
          <dt className="font-mono text-xs leading-5">{row.name}</dt>
          <dd className="text-sm">{row.words}</dd>
        </div>
      ))}
    </dl>
  );
}
