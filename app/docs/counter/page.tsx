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
  { name: "till_returns", words: "The paired till takes returns, of any sale of yours: other stores and online too." },
  { name: "till_return_limit", words: "The most that the till gives back of one sale, in minor units; 0 is no limit." },
  { name: "kiosk_amount", words: "A kiosk that is handed nothing lets its customer type the amount." },
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
          or by <TextLink href="/docs">reading it</TextLink> under its reference, never from the browser.
        </p>
        <pre className="mt-3 overflow-x-auto rounded-md border border-line bg-surface p-3 font-mono text-xs">
          {`${PUBLIC_URL}/kiosk/{terminal}?amount=11800&currency=SEK&reference=ON4711`}
        </pre>
        <Facts rows={HANDOVER} />
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
