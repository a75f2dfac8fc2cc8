import { AuthCard } from "@/app/(auth)/auth-card";
import { ButtonLink } from "@/components/ui/button";
import type { CounterRefusal } from "../_lib/access";

const WORDS = {
  unpaired: {
    title: "This browser is not paired",
    lead: "It was never paired with this terminal, or it was let go. Pair it with a code of the terminal's page.",
  },
  elsewhere: {
    title: "This browser belongs elsewhere",
    lead: "It is paired with another terminal, or as another kind of device.",
  },
  denied: {
    title: "There is no such terminal for you",
    lead: "It does not exist in this mode, or you may not take payments at it.",
  },
} as const;

/** For a browser that is not this terminal's: what it can do instead. Tells nothing of the terminal. */
export function Refused({ refusal, home }: CounterRefusal) {
  const { title, lead } = WORDS[refusal];
  return (
    <main className="grid min-h-dvh place-items-center bg-bg px-4 py-10">
      <AuthCard title={title} lead={lead}>
        <div className="mt-6 grid gap-2">
          {home === null ? null : (
            <ButtonLink href={home} variant="primary" size="lg">
              Go to where it is paired
            </ButtonLink>
          )}
          {refusal === "denied" ? (
            <ButtonLink href="/terminals" variant={home === null ? "primary" : "secondary"} size="lg">
              See the terminals
            </ButtonLink>
          ) : (
            <ButtonLink href="/pair" variant={home === null ? "primary" : "secondary"} size="lg">
              Pair this browser
            </ButtonLink>
          )}
          {refusal === "unpaired" ? (
            <ButtonLink href="/sign-in" size="lg">
              Sign in
            </ButtonLink>
          ) : null}
        </div>
      </AuthCard>
    </main>
  );
}
