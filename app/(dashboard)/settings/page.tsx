import type { Route } from "next";
import { redirect } from "next/navigation";
import { requirePagePermission } from "@/server/auth/web";
import { settingsNav } from "./nav";

/** The menu leads here: the first part that the person may open. */
export default async function SettingsPage() {
  const { user } = await requirePagePermission("sessions:own");
  redirect((settingsNav(user)[0]?.href ?? "/settings/sessions") as Route);
}
