import { cookies } from "next/headers";
import type { ReactNode } from "react";
import { AppShell } from "@/components/shell/app-shell";
import type { NavItem, ShellAction } from "@/components/shell/nav";
import { SIDEBAR_COOKIE } from "@/components/shell/sidebar-cookie";
import { setModeAction, signOutAction } from "@/server/auth/actions";
import { stopViewingAction } from "@/server/auth/impersonation-actions";
import { can, type Permission } from "@/server/auth/permissions";
import { requireSession, webContext } from "@/server/auth/web";
import { MODES } from "@/server/core/schema";
import { countOpenApprovals } from "@/server/domain/approvals/service";
import { countCalls } from "@/server/domain/overview/service";
import { searchAction } from "./search-action";

type GuardedItem = NavItem & { permission: Permission };

const NAV: readonly GuardedItem[] = [
  { label: "Overview", href: "/", icon: "overview", group: "Overview", letter: "o", permission: "overview:read" },
  { label: "Payments", href: "/payments", icon: "payments", group: "Money", letter: "p", permission: "payments:read" },
  {
    label: "Take a payment",
    href: "/take-payment",
    icon: "take-payment",
    group: "Money",
    letter: "n",
    permission: "payments:create",
  },
  {
    label: "Partners",
    href: "/partners",
    icon: "partners",
    group: "Registry",
    letter: "a",
    permission: "partners:read",
  },
  { label: "Stores", href: "/stores", icon: "stores", group: "Registry", letter: "s", permission: "stores:read" },
  {
    label: "Terminals",
    href: "/terminals",
    icon: "terminals",
    group: "Registry",
    letter: "t",
    permission: "terminals:read",
  },
  { label: "Imports", href: "/imports", icon: "imports", group: "Registry", letter: "i", permission: "imports:write" },
  {
    label: "Webhooks",
    href: "/webhooks",
    icon: "webhooks",
    group: "Integration",
    letter: "w",
    permission: "webhooks:read",
  },
  {
    label: "Developers",
    href: "/developers",
    icon: "developers",
    group: "Integration",
    letter: "d",
    permission: "api_keys:read",
  },
  { label: "Audit", href: "/audit", icon: "audit", group: "Operation", letter: "u", permission: "audit:read" },
  {
    label: "Settings",
    href: "/settings",
    icon: "settings",
    group: "Operation",
    letter: "e",
    permission: "sessions:own",
  },
  { label: "System", href: "/system", icon: "system", group: "Operation", letter: "y", permission: "system:read" },
];

const ACTIONS: ReadonlyArray<ShellAction & { permission: Permission }> = [
  { label: "Take a payment", href: "/take-payment", icon: "take-payment", permission: "payments:create" },
  { label: "Add a webhook endpoint", href: "/webhooks?add=1", icon: "webhooks", permission: "webhooks:write" },
  { label: "Import a file", href: "/imports/new", icon: "imports", permission: "imports:write" },
  { label: "Invite a person", href: "/settings/users?invite=1", icon: "settings", permission: "users:write" },
  { label: "Create an API key", href: "/developers?add=1", icon: "keys", permission: "api_keys:write" },
];

/** The frame around every screen behind the sign-in. What a person may not open is not in the menu; each page checks again. */
export default async function DashboardLayout({ children }: { children: ReactNode }) {
  const session = await requireSession();
  const ctx = await webContext();
  const { user, impersonation } = session;
  const [calls, openApprovals] = await Promise.all([countCalls(ctx), countOpenApprovals(ctx)]);
  const nav = NAV.filter((item) => can(user, item.permission)).map(({ permission: _, ...item }) => ({
    ...item,
    ...(item.href === "/system" ? { count: calls.alarms } : {}),
    ...(item.href === "/settings" ? { count: openApprovals } : {}),
    ...(item.href === "/webhooks" ? { count: calls.failingEndpoints } : {}),
  }));
  const isFolded = (await cookies()).get(SIDEBAR_COOKIE)?.value === "folded";
  return (
    <AppShell
      user={{ name: user.name, email: user.email, roleLabel: user.roleName }}
      mode={ctx.scope.mode}
      modes={MODES}
      environment={ctx.env.isProduction ? "Production" : "Demo"}
      nav={nav}
      actions={ACTIONS.filter((action) => can(user, action.permission)).map(({ permission: _, ...action }) => action)}
      isFoldedAtFirst={isFolded}
      setMode={setModeAction}
      signOut={signOutAction}
      viewedAs={
        impersonation === null
          ? undefined
          : {
              name: user.name,
              roleLabel: user.roleName,
              reason: impersonation.reason,
              until: session.expiresAt.toISOString(),
            }
      }
      stopViewing={stopViewingAction}
      search={searchAction}
    >
      {children}
    </AppShell>
  );
}
