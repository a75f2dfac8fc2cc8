import type { Mode } from "@/server/core/schema";

/**
 * The roles that every installation has. The acquirer's roles see all Partners; a Partner's roles see their own only.
 * Roles that people make themselves stand in the table `roles`, with permissions of this same list.
 */
export const ROLES = [
  "ACQUIRER_ADMIN",
  "ACQUIRER_OPERATIONS",
  "ACQUIRER_FINANCE",
  "READ_ONLY",
  "PARTNER_ADMIN",
  "PARTNER_STAFF",
] as const;
export type Role = (typeof ROLES)[number];

export const ROLE_LABELS: Readonly<Record<Role, string>> = {
  ACQUIRER_ADMIN: "Acquirer admin",
  ACQUIRER_OPERATIONS: "Acquirer operations",
  ACQUIRER_FINANCE: "Acquirer finance",
  READ_ONLY: "Read only",
  PARTNER_ADMIN: "Partner admin",
  PARTNER_STAFF: "Partner staff",
};

/** Whose people a role is for. A Partner's people see their Partners only, whatever their role grants. */
export const AUDIENCES = ["ACQUIRER", "PARTNER"] as const;
export type Audience = (typeof AUDIENCES)[number];

export const ROLE_AUDIENCES: Readonly<Record<Role, Audience>> = {
  ACQUIRER_ADMIN: "ACQUIRER",
  ACQUIRER_OPERATIONS: "ACQUIRER",
  ACQUIRER_FINANCE: "ACQUIRER",
  READ_ONLY: "ACQUIRER",
  PARTNER_ADMIN: "PARTNER",
  PARTNER_STAFF: "PARTNER",
};

export const PERMISSIONS = [
  "overview:read",
  "payments:read",
  "payments:create",
  "payments:cancel",
  "payments:void",
  "payments:capture",
  "payments:refund",
  "payments:raw",
  "partners:read",
  "partners:draft",
  "partners:write",
  "partners:suspend",
  "drift:repair",
  "stores:read",
  "stores:write",
  "terminals:read",
  "terminals:write",
  "imports:write",
  "api_keys:read",
  "api_keys:write",
  "webhooks:read",
  "webhooks:write",
  "request_log:read",
  "users:read",
  "users:write",
  "users:impersonate",
  "roles:write",
  "approvals:read",
  "approvals:decide",
  "views:share",
  "audit:read",
  "audit:export",
  "credentials:read",
  "credentials:write",
  "portal:open",
  "klarna_events:read",
  "klarna_events:replay",
  "klarna_subscriptions:write",
  "system:read",
  "runs:write",
  "alarms:clear",
  "mails:read",
  "settings:write",
  "sessions:own",
] as const;
export type Permission = (typeof PERMISSIONS)[number];

export function isPermission(value: string): value is Permission {
  return PERMISSIONS.some((permission) => permission === value);
}

/**
 * What belongs to the whole installation or decides about Partners: no role of a Partner's people can ever hold it,
 * and what a row says to the contrary is not counted.
 */
export const ACQUIRER_ONLY: readonly Permission[] = [
  "partners:write",
  "partners:suspend",
  "drift:repair",
  "users:impersonate",
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
];

const TWO_FACTOR: readonly Permission[] = [
  "payments:void",
  "payments:capture",
  "payments:refund",
  "partners:write",
  "api_keys:write",
  "users:write",
  "users:impersonate",
  "roles:write",
  "approvals:decide",
  "credentials:write",
  "settings:write",
];

/** Whether who holds this must sign in with a second factor: what moves money, or can make someone who moves money. */
export function requiresTwoFactor(permissions: readonly Permission[]): boolean {
  return permissions.some((permission) => TWO_FACTOR.includes(permission));
}

const ALL: readonly Permission[] = PERMISSIONS;
const READING: readonly Permission[] = [
  "overview:read",
  "payments:read",
  "partners:read",
  "stores:read",
  "terminals:read",
  "webhooks:read",
  "api_keys:read",
  "sessions:own",
];
const MOVING: readonly Permission[] = [
  "payments:create",
  "payments:cancel",
  "payments:void",
  "payments:capture",
  "payments:refund",
  "payments:raw",
];

/** The one table of who may do what: menu, buttons, procedures, actions and endpoints ask it. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  ACQUIRER_ADMIN: ALL,
  ACQUIRER_OPERATIONS: [
    ...READING,
    ...MOVING,
    "partners:draft",
    "partners:write",
    "partners:suspend",
    "drift:repair",
    "stores:write",
    "terminals:write",
    "imports:write",
    "webhooks:write",
    "request_log:read",
    "users:read",
    "users:impersonate",
    "approvals:read",
    "views:share",
    "audit:read",
    "credentials:read",
    "portal:open",
    "klarna_events:read",
    "klarna_events:replay",
    "klarna_subscriptions:write",
    "system:read",
    "runs:write",
    "alarms:clear",
  ],
  ACQUIRER_FINANCE: [
    ...READING,
    "payments:refund",
    "payments:raw",
    "request_log:read",
    "approvals:read",
    "approvals:decide",
    "views:share",
    "audit:read",
    "audit:export",
    "portal:open",
    "klarna_events:read",
    "system:read",
  ],
  READ_ONLY: [...READING, "approvals:read", "audit:read", "klarna_events:read", "system:read"],
  PARTNER_ADMIN: [
    ...READING,
    ...MOVING,
    "partners:draft",
    "stores:write",
    "terminals:write",
    "imports:write",
    "api_keys:write",
    "webhooks:write",
    "request_log:read",
    "users:read",
    "users:write",
    "roles:write",
    "approvals:read",
    "approvals:decide",
    "views:share",
    "audit:read",
    "audit:export",
    "portal:open",
  ],
  PARTNER_STAFF: [
    "overview:read",
    "payments:read",
    "payments:create",
    "payments:cancel",
    "stores:read",
    "terminals:read",
    "sessions:own",
  ],
};

/**
 * What somebody may do while they see the screens as another person: read, and keep the stores in order together with who
 * is on the phone. No money, no keys and secrets, no people and roles, no payout data, no decisions, no pairing, and
 * nothing of the person's own, such as password, second step, sessions and views.
 */
export const IMPERSONATION_PERMISSIONS: readonly Permission[] = [
  "overview:read",
  "payments:read",
  "payments:raw",
  "partners:read",
  "stores:read",
  "stores:write",
  "terminals:read",
  "api_keys:read",
  "webhooks:read",
  "request_log:read",
  "users:read",
  "approvals:read",
  "audit:read",
];

/** What a paired browser may do, whatever it is; a till whose terminal takes returns may refund too. */
export const DEVICE_PERMISSIONS: readonly Permission[] = ["payments:read", "payments:create", "payments:cancel"];

/** Whoever holds permissions: a person who is signed in, a role. */
export type Holder = { readonly permissions: readonly Permission[] };

export function can(who: Holder, permission: Permission): boolean {
  return who.permissions.includes(permission);
}

export function isRole(value: string): value is Role {
  return ROLES.some((role) => role === value);
}

/** A role as its row has it; the built-in ones take their permissions from the table above. */
export type RoleRow = {
  readonly id: string;
  readonly name: string;
  readonly audience: Audience;
  readonly permissions: readonly string[];
};
export type ResolvedRole = {
  readonly id: string;
  readonly name: string;
  readonly audience: Audience;
  readonly permissions: readonly Permission[];
};

/** What a role grants at this moment. Unknown words in a row, and what its audience may never hold, do not count. */
export function resolveRole(row: RoleRow): ResolvedRole {
  if (isRole(row.id))
    return {
      id: row.id,
      name: ROLE_LABELS[row.id],
      audience: ROLE_AUDIENCES[row.id],
      permissions: ROLE_PERMISSIONS[row.id],
    };
  const granted = row.permissions.filter(isPermission);
  return {
    id: row.id,
    name: row.name,
    audience: row.audience,
    permissions: row.audience === "PARTNER" ? granted.filter((name) => !ACQUIRER_ONLY.includes(name)) : granted,
  };
}

/** Scopes of API keys and the permission that each stands for. */
export const API_SCOPES = {
  "payments:read": ["payments:read"],
  "payments:write": ["payments:read", "payments:create", "payments:cancel", "payments:void", "payments:capture"],
  "refunds:write": ["payments:read", "payments:refund"],
  "stores:read": ["stores:read", "terminals:read"],
  "stores:write": ["stores:read", "stores:write", "terminals:read", "terminals:write"],
  "webhooks:read": ["webhooks:read"],
  "webhooks:write": ["webhooks:read", "webhooks:write"],
} as const satisfies Readonly<Record<string, readonly Permission[]>>;
export type ApiScope = keyof typeof API_SCOPES;
export const API_SCOPE_NAMES = Object.keys(API_SCOPES) as ApiScope[];

export function isApiScope(value: string): value is ApiScope {
  return Object.hasOwn(API_SCOPES, value);
}

/** Scopes of the acquirer's own keys, which see every Partner. They move no money and make neither keys nor people. */
export const ACQUIRER_SCOPES = {
  "partners:read": ["partners:read"],
  "partners:write": ["partners:read", "partners:draft", "partners:write"],
  "partners:suspend": ["partners:read", "partners:suspend"],
  "stores:read": ["partners:read", "stores:read", "terminals:read"],
  "stores:write": ["partners:read", "stores:read", "stores:write", "terminals:read", "terminals:write"],
  "imports:write": ["imports:write"],
} as const satisfies Readonly<Record<string, readonly Permission[]>>;
export type AcquirerScope = keyof typeof ACQUIRER_SCOPES;
export const ACQUIRER_SCOPE_NAMES = Object.keys(ACQUIRER_SCOPES) as AcquirerScope[];

export function isAcquirerScope(value: string): value is AcquirerScope {
  return Object.hasOwn(ACQUIRER_SCOPES, value);
}

/** What a scope stands for on a Partner's key or on one of the acquirer's; nothing where such keys do not have it. */
export function scopePermissions(scope: string, isAcquirers: boolean): readonly Permission[] | null {
  if (isAcquirers) return isAcquirerScope(scope) ? ACQUIRER_SCOPES[scope] : null;
  return isApiScope(scope) ? API_SCOPES[scope] : null;
}

/**
 * What an actor may see: which Partners, in which mode. Every repository function takes one, so that a query without
 * a tenant cannot be written. A thing outside is answered exactly like a thing that does not exist.
 */
export type TenantScope = {
  readonly partners: "all" | readonly string[];
  readonly mode: Mode;
  /** At the counter: payments of this terminal only. */
  readonly terminal?: string | undefined;
};

export type Actor =
  | {
      readonly kind: "USER";
      readonly id: string;
      readonly name: string;
      /** A built-in role or the id of one that people made. */
      readonly role: string;
      readonly permissions: readonly Permission[];
      readonly partners: "all" | readonly string[];
      /** Whose screens they see, when not their own; every audit entry names this person too. */
      readonly as?: { readonly id: string; readonly name: string };
    }
  | {
      readonly kind: "API_KEY";
      readonly id: string;
      readonly name: string;
      readonly partnerId: string;
      readonly scopes: readonly ApiScope[];
    }
  | {
      readonly kind: "API_KEY";
      readonly id: string;
      readonly name: string;
      /** The acquirer's own key: of no Partner, over all of them. */
      readonly partnerId: null;
      readonly scopes: readonly AcquirerScope[];
    }
  | {
      /** A browser that was paired with one terminal: its till or kiosk. */
      readonly kind: "DEVICE";
      readonly id: string;
      readonly name: string;
      readonly partnerId: string;
      readonly terminalId: string;
      readonly permissions: readonly Permission[];
    }
  | { readonly kind: "KLARNA"; readonly id: "klarna"; readonly name: "Klarna" }
  | { readonly kind: "SYSTEM"; readonly id: string; readonly name: string };

/** Whether an actor holds a permission, whoever it is. Klarna and our own jobs act within what their code does. */
export function actorCan(actor: Actor, permission: Permission): boolean {
  switch (actor.kind) {
    case "USER":
    case "DEVICE":
      return can(actor, permission);
    case "API_KEY":
      return actor.scopes.some((scope) => scopePermissions(scope, actor.partnerId === null)?.includes(permission));
    default:
      return true;
  }
}
