import type { Metadata, Route } from "next";
import { redirect } from "next/navigation";
import { signInAction } from "@/server/auth/actions";
import { returnPath } from "@/server/auth/return-path";
import { currentSession } from "@/server/auth/web";
import { SignInForm } from "./sign-in-form";

export const metadata: Metadata = {
  title: "Sign in",
  // Browsers send `Origin: null` with a plain form of a page that sends no referrer, and that is refused.
  referrer: "same-origin",
};

const MESSAGES: Readonly<Record<string, string>> = {
  CredentialsSignin: "Wrong e-mail or password.",
  throttled: "Too many tries. Try again in 15 minutes.",
};

type Search = Promise<Record<string, string | string[] | undefined>>;

export default async function SignInPage({ searchParams }: { searchParams: Search }) {
  const { next, error } = await searchParams;
  const path = returnPath(next);
  if (await currentSession()) redirect(path as Route);
  const message = typeof error === "string" ? (MESSAGES[error] ?? "Sign-in failed. Try again.") : null;
  return (
    <div className="w-full max-w-[380px]">
      <div className="rounded-lg border border-line bg-surface p-8 max-sm:p-6">
        <p className="flex items-center gap-2 font-semibold text-base text-ink">
          <svg aria-hidden viewBox="0 0 32 32" className="size-6" fill="none" strokeLinecap="round" strokeWidth="3">
            <rect width="32" height="32" rx="7" className="fill-accent" />
            <path d="M8 10h16M16 10v13" className="stroke-accent-ink" />
            <path d="M8 16v5a2 2 0 0 0 2 2M24 16v5a2 2 0 0 1-2 2" className="stroke-accent-ink" strokeOpacity=".7" />
          </svg>
          Tillgate
        </p>
        <h1 className="mt-6 font-semibold text-ink text-xl">Sign in</h1>
        <p className="mt-1 text-ink-2 text-sm">Payments on the Klarna Network.</p>
        <SignInForm action={signInAction} next={path} initialMessage={message} />
      </div>
      <p className="mt-4 text-balance text-center text-ink-3 text-xs">
        Accounts are made by an administrator. Ask yours if you cannot get in.
      </p>
    </div>
  );
}
