import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { Page, PageHeader } from "@/components/page-header";
import { webContext } from "@/server/auth/web";
import { NewPartnerForm } from "./new-partner-form";

export const metadata: Metadata = { title: "Onboard a Partner" };

export default async function NewPartnerPage() {
  const ctx = await webContext("partners:write");
  if (ctx.scope.partners !== "all") notFound();
  return (
    <Page isForm>
      <PageHeader
        title="Onboard a Partner"
        description={`Begins a draft in ${ctx.scope.mode} mode. Nothing goes to Klarna before it is complete and approved.`}
      />
      <NewPartnerForm />
    </Page>
  );
}
