import type { Metadata } from "next";
import { TextLink } from "@/components/text-link";
import { AuthCard } from "../auth-card";
import { ForgotForm } from "./forgot-form";

export const metadata: Metadata = { title: "New password", referrer: "same-origin" };

export default function ForgotPasswordPage() {
  return (
    <AuthCard
      title="New password"
      lead="We mail you a link. It also works for an invitation whose link has run out."
      foot={<TextLink href="/sign-in">Back to signing in</TextLink>}
    >
      <ForgotForm />
    </AuthCard>
  );
}
