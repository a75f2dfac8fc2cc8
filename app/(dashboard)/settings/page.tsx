import type { Route } from "next";
import { redirect } from "next/navigation";
import { requirePagePermission } from "@/server/auth/web";

/** The breadcrumb leads here; the only settings so far are the person's own sessions. */
export default async function SettingsPage() {
  await requirePagePermission("sessions:own");
  redirect("/settings/sessions" as Route);
}
