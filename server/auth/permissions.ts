import type { Mode } from "@/server/core/schema";

/** Roles of people. The acquirer's roles see all Partners; a Partner's roles see their own only. */
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
  "stores:read",
  "terminals:read",
  "api_keys:read",
  "api_keys:write",
  "webhooks:read",
  "webhooks:write",
  "request_log:read",
  "audit:read",
  "system:read",
  "alarms:clear",
  "sessions:own",
] as const;
export type Permission = (typeof PERMISSIONS)[number];

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

/** The one table of who may do what: menu, buttons, procedures, actions and endpoints ask it. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  ACQUIRER_ADMIN: ALL,
  ACQUIRER_OPERATIONS: [
    ...READING,
    "payments:create",
    "payments:cancel",
    "payments:void",
    "payments:capture",
    "payments:refund",
    "payments:raw",
    "webhooks:write",
    "request_log:read",
    "audit:read",
    "system:read",
    "alarms:clear",
  ],
  ACQUIRER_FINANCE: [...READING, "payments:refund", "payments:raw", "request_log:read", "audit:read", "system:read"],
  READ_ONLY: [...READING, "audit:read", "system:read"],
  PARTNER_ADMIN: [
    ...READING,
    "payments:create",
    "payments:cancel",
    "payments:void",
    "payments:capture",
    "payments:refund",
    "payments:raw",
    "api_keys:write",
    "webhooks:write",
    "request_log:read",
    "audit:read",
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

export function can(role: Role, permission: Permission): boolean {
  return ROLE_PERMISSIONS[role].includes(permission);
}

export function isRole(value: string): value is Role {
  return ROLES.some((role) => role === value);
}

/** Scopes of API keys and the permission that each stands for. */
export const API_SCOPES = {
  "payments:read": ["payments:read"],
  "payments:write": ["payments:read", "payments:create", "payments:cancel", "payments:void", "payments:capture"],
  "refunds:write": ["payments:read", "payments:refund"],
  "stores:read": ["stores:read", "terminals:read"],
  "webhooks:read": ["webhooks:read"],
  "webhooks:write": ["webhooks:read", "webhooks:write"],
} as const satisfies Readonly<Record<string, readonly Permission[]>>;
export type ApiScope = keyof typeof API_SCOPES;
export const API_SCOPE_NAMES = Object.keys(API_SCOPES) as ApiScope[];

export function isApiScope(value: string): value is ApiScope {
  return Object.hasOwn(API_SCOPES, value);
}

/**
 * What an actor may see: which Partners, in which mode. Every repository function takes one, so that a query without
 * a tenant cannot be written. A thing outside is answered exactly like a thing that does not exist.
 */
export type TenantScope = { readonly partners: "all" | readonly string[]; readonly mode: Mode };

export type Actor =
  | {
      readonly kind: "USER";
      readonly id: string;
      readonly name: string;
      readonly role: Role;
      readonly partners: "all" | readonly string[];
    }
  | {
      readonly kind: "API_KEY";
      readonly id: string;
      readonly name: string;
      readonly partnerId: string;
      readonly scopes: readonly ApiScope[];
    }
  | { readonly kind: "KLARNA"; readonly id: "klarna"; readonly name: "Klarna" }
  | { readonly kind: "SYSTEM"; readonly id: string; readonly name: string };

/** Whether an actor holds a permission, whoever it is. Klarna and our own jobs act within what their code does. */
export function actorCan(actor: Actor, permission: Permission): boolean {
  switch (actor.kind) {
    case "USER":
      return can(actor.role, permission);
    case "API_KEY":
      return actor.scopes.some((scope) => API_SCOPES[scope].some((granted) => granted === permission));
    default:
      return true;
  }
}
