import type { Metadata, Route } from "next";
import { redirect } from "next/navigation";
import { Button } from "@/components/ui/button";
import { findAccount } from "@/server/auth/accounts";
import { signOutAction } from "@/server/auth/actions";
import { returnPath } from "@/server/auth/return-path";
import { currentHalfSession, currentSession, secondFactorPath, webServices } from "@/server/auth/web";
import { AuthCard } from "../../auth-card";
import { PasskeyButton } from "../../passkey-button";
import { CodeForm } from "./code-form";

export const metadata: Metadata = { title: "Second step", referrer: "same-origin" };

type Search = Promise<Record<string, string | string[] | undefined>>;

export default async function CodePage({ searchParams }: { searchParams: Search }) {
  const next = returnPath((await searchParams).next);
  if (await currentSession()) redirect(next as Route);
  const waiting = await currentHalfSession();
  if (!waiting) redirect((next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`) as Route);
  if (waiting.half.level !== "CODE_DUE") redirect(secondFactorPath(waiting.half, next));
  const account = await findAccount(webServices().db, waiting.half.user.id);
  const hasTotp = account?.hasTotp ?? false;
  return (
    <AuthCard
      title="Second step"
      lead={<span className="break-all">{waiting.half.user.email}</span>}
      foot={
        <form action={signOutAction}>
          <Button type="submit" variant="link" size="none" className="text-xs">
            Sign in as somebody else
          </Button>
        </form>
      }
    >
      <div className="mt-6 grid gap-4">
        {account !== null && account.passkeys > 0 ? <PasskeyButton next={next} isFirst /> : null}
        <CodeForm next={next} hasTotp={hasTotp} isAlternative={account !== null && account.passkeys > 0} />
      </div>
    </AuthCard>
  );
}
