import type { Metadata } from "next";
import { AuthCard } from "../auth-card";
import { AcceptForm } from "./accept-form";

export const metadata: Metadata = { title: "Accept your invitation", referrer: "no-referrer" };

export default function AcceptInvitationPage() {
  return (
    <AuthCard title="Welcome" lead="You were invited to work with Tillgate.">
      <AcceptForm />
    </AuthCard>
  );
}
