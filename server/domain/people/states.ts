import type { Permission } from "@/server/auth/permissions";
import { defineMachine } from "@/server/core/state-machine";

/** INVITED: no password yet. WITHDRAWN: the invitation was taken back; the address can be invited again. */
export const userMachine = defineMachine({
  INVITED: { accept: "ACTIVE", withdraw: "WITHDRAWN", invite: "INVITED" },
  ACTIVE: { disable: "DISABLED" },
  DISABLED: { enable: "ACTIVE" },
  WITHDRAWN: { invite: "INVITED" },
});
export type UserState = keyof (typeof userMachine)["table"];
export const USER_STATES = userMachine.states;

/** What a permission lets one do, as a sentence without its subject. */
export const PERMISSION_WORDS: Readonly<Record<Permission, string>> = {
  "overview:read": "See the overview with figures and what needs attention",
  "payments:read": "See payments and their history",
  "payments:create": "Take payments",
  "payments:cancel": "Cancel payments that wait for the customer",
  "payments:void": "Release what is authorized and not captured",
  "payments:capture": "Capture authorized payments",
  "payments:refund": "Give money back",
  "payments:raw": "See the messages with Klarna, masked",
  "partners:read": "See Partners",
  "partners:draft": "Fill in a Partner's draft, and see its contact and the people behind it",
  "partners:write": "Onboard and change Partners, payout data too",
  "partners:suspend": "Suspend, resume and off-board Partners",
  "drift:repair": "Settle differences between Klarna and us",
  "stores:read": "See stores, brands and store groups",
  "stores:write": "Create, change and archive stores, brands and store groups",
  "terminals:read": "See terminals",
  "terminals:write": "Register, pair, move and archive terminals",
  "imports:write": "Import from CSV files",
  "api_keys:read": "See API keys, never their secrets",
  "api_keys:write": "Create, rotate and revoke API keys",
  "webhooks:read": "See webhook endpoints and deliveries",
  "webhooks:write": "Add, change and test webhook endpoints, send deliveries again",
  "request_log:read": "See the requests of API keys",
  "users:read": "See people",
  "users:write": "Invite people, change their role, disable them",
  "users:impersonate": "View the screens as a Partner's person does, to help them",
  "roles:write": "Make and change roles",
  "approvals:read": "See what needs a second person",
  "approvals:decide": "Approve or reject what others ask for",
  "views:share": "Share saved views with others",
  "audit:read": "See who did what",
  "audit:export": "Export the audit",
  "credentials:read": "See our keys to Klarna and those of our own systems, never their secrets",
  "credentials:write": "Create, rotate and disable our keys to Klarna and those of our own systems",
  "portal:open": "Open Klarna's portal for a Partner",
  "klarna_events:read": "See webhooks received from Klarna",
  "klarna_events:replay": "Process webhooks from Klarna again",
  "klarna_subscriptions:write": "Create and repair our webhook subscriptions at Klarna",
  "system:read": "See the health of the system",
  "runs:write": "Cancel and replay background runs",
  "alarms:clear": "Clear alarms",
  "mails:read": "Read mails that were sent or kept",
  "settings:write": "Change settings of the installation and the rules for approvals",
  "sessions:own": "See and end one's own sessions",
};

/** The permissions by what they are about, in the order of a role's editor. */
export const PERMISSION_GROUPS: readonly { title: string; permissions: readonly Permission[] }[] = [
  {
    title: "Payments",
    permissions: [
      "overview:read",
      "payments:read",
      "payments:create",
      "payments:cancel",
      "payments:void",
      "payments:capture",
      "payments:refund",
      "payments:raw",
    ],
  },
  {
    title: "Partners",
    permissions: [
      "partners:read",
      "partners:draft",
      "partners:write",
      "partners:suspend",
      "drift:repair",
      "portal:open",
    ],
  },
  {
    title: "Stores and terminals",
    permissions: ["stores:read", "stores:write", "terminals:read", "terminals:write", "imports:write"],
  },
  {
    title: "Integration",
    permissions: ["api_keys:read", "api_keys:write", "request_log:read", "webhooks:read", "webhooks:write"],
  },
  {
    title: "People and approvals",
    permissions: [
      "users:read",
      "users:write",
      "users:impersonate",
      "roles:write",
      "approvals:read",
      "approvals:decide",
      "views:share",
    ],
  },
  { title: "Audit", permissions: ["audit:read", "audit:export"] },
  {
    title: "Klarna and system",
    permissions: [
      "credentials:read",
      "credentials:write",
      "klarna_events:read",
      "klarna_events:replay",
      "klarna_subscriptions:write",
      "system:read",
      "runs:write",
      "alarms:clear",
      "mails:read",
      "settings:write",
    ],
  },
];

/** Everybody has these: nobody can be kept from their own sessions. */
export const ALWAYS_GRANTED: readonly Permission[] = ["sessions:own"];

const ALSO: Partial<Readonly<Record<Permission, readonly Permission[]>>> = {
  "partners:draft": ["partners:read", "stores:read"],
  "partners:write": ["partners:read", "stores:read"],
  "partners:suspend": ["partners:read"],
  "drift:repair": ["partners:read"],
  "portal:open": ["partners:read"],
  "stores:write": ["stores:read"],
  "terminals:read": ["stores:read"],
  "terminals:write": ["stores:read", "terminals:read"],
  "imports:write": ["stores:read"],
  "roles:write": ["users:read"],
  "audit:export": ["audit:read"],
  "klarna_subscriptions:write": ["klarna_events:read"],
  "runs:write": ["system:read"],
  "alarms:clear": ["system:read"],
};

/** A choice with what it cannot do without: who writes a thing also reads it. */
export function withNeeded(chosen: readonly Permission[]): Permission[] {
  const whole = new Set<Permission>(ALWAYS_GRANTED);
  const add = (permission: Permission): void => {
    if (whole.has(permission)) return;
    whole.add(permission);
    for (const needed of neededFor(permission)) add(needed);
  };
  for (const permission of chosen) add(permission);
  return Object.keys(PERMISSION_WORDS).filter((name): name is Permission => whole.has(name as Permission));
}

function neededFor(permission: Permission): readonly Permission[] {
  const [noun = ""] = permission.split(":");
  const read = `${noun}:read`;
  const own = Object.keys(PERMISSION_WORDS).find((name): name is Permission => name === read);
  return [...(own === undefined || own === permission ? [] : [own]), ...(ALSO[permission] ?? [])];
}
