/** REQUESTED before Klarna has answered, OPENED a link was given, INVITED and ACTIVE a user of Klarna's, REVOKED, FAILED. */
export const GRANT_STATES = ["REQUESTED", "OPENED", "INVITED", "ACTIVE", "REVOKED", "FAILED"] as const;
export type GrantState = (typeof GRANT_STATES)[number];

export const PORTAL_ROLES = ["merchant:admin", "merchant:developer"] as const;
export type PortalRole = (typeof PORTAL_ROLES)[number];
export const PORTAL_ROLE_WORDS: Readonly<Record<PortalRole, string>> = {
  "merchant:admin": "Administrator",
  "merchant:developer": "Developer",
};
