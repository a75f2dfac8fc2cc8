import type { Metadata } from "next";
import { TextLink } from "@/components/text-link";
import { AuthCard } from "../auth-card";
import { ResetForm } from "./reset-form";

export const metadata: Metadata = { title: "Set a new password", referrer: "no-referrer" };

export default function ResetPasswordPage() {
  return (
    <AuthCard
      title="Set a new password"
      lead="Everywhere that you are signed in, you are signed out. Your second step stays as it is."
      foot={<TextLink href="/sign-in">Back to signing in</TextLink>}
    >
      <ResetForm />
    </AuthCard>
  );
}
