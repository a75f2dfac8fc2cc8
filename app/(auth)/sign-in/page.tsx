import type { Metadata, Route } from "next";
import { redirect } from "next/navigation";
import { TextLink } from "@/components/text-link";
import { buttonVariants } from "@/components/ui/button";
import { signInAction } from "@/server/auth/actions";
import { returnPath } from "@/server/auth/return-path";
import { isSsoConfigured } from "@/server/auth/single-sign-on";
import { currentHalfSession, currentSession, secondFactorPath, webServices } from "@/server/auth/web";
import { AuthCard } from "../auth-card";
import { PasskeyButton } from "../passkey-button";
import { SignInForm } from "./sign-in-form";

export const metadata: Metadata = {
  title: "Sign in",
  // Browsers send `Origin: null` with a plain form of a page that sends no referrer, and that is refused.
  referrer: "same-origin",
};

const MESSAGES: Readonly<Record<string, string>> = {
  CredentialsSignin: "Wrong e-mail or password.",
  throttled: "Too many tries. Try again in 15 minutes.",
  sso_refused: "Nobody here has the account that you signed in with. Ask your administrator for an invitation.",
  sso_failed: "The single sign-on did not come to its end. Try again.",
  sso_unavailable: "The single sign-on cannot be reached right now. Try again soon.",
};

type Search = Promise<Record<string, string | string[] | undefined>>;

export default async function SignInPage({ searchParams }: { searchParams: Search }) {
  const { next, error } = await searchParams;
  const path = returnPath(next);
  if (await currentSession()) redirect(path as Route);
  const waiting = await currentHalfSession();
  if (waiting) redirect(secondFactorPath(waiting.half, path));
  const message = typeof error === "string" ? (MESSAGES[error] ?? "Sign-in failed. Try again.") : null;
  const services = webServices();
  return (
    <AuthCard
      title="Sign in"
      lead="Payments on the Klarna Network."
      foot="Accounts are made by an administrator. Ask yours if you cannot get in."
    >
      <SignInForm action={signInAction} next={path} initialMessage={message} />
      <p className="mt-3 text-center text-sm">
        <TextLink href="/forgot-password">Forgot your password?</TextLink>
      </p>
      <div className="mt-5 grid gap-3 border-line border-t pt-5">
        <PasskeyButton next={path} />
        {isSsoConfigured(services) ? (
          // A plain link: it leads to an endpoint that leaves for the provider, not to a page.
          <a
            href={`/api/auth/sso?next=${encodeURIComponent(path)}`}
            className={buttonVariants({ size: "lg", className: "w-full" })}
          >
            Sign in with {services.env.OIDC_NAME}
          </a>
        ) : null}
      </div>
    </AuthCard>
  );
}
