const START = "/";
const NOWHERE = "http://return-path.invalid";
/** Pages that make no sense as the place to come back to. */
const NEVER = [/^\/(?:sign-in|enroll-mfa|forgot-password|reset-password|accept-invitation|api)(?:[/?#]|$)/];

/**
 * The place on our own site that a `next` or `callbackUrl` names, as path and query; the start page for everything else:
 * other hosts in any spelling (`//evil`, `/\evil`), other schemes (`javascript:`), endpoints and the sign-in page itself.
 * A whole address is taken only when it is of `origin`.
 */
export function returnPath(value: unknown, origin?: string): string {
  if (typeof value !== "string" || value.length > 2_000) return START;
  const path = origin !== undefined && value.startsWith(`${origin}/`) ? value.slice(origin.length) : value;
  if (!path.startsWith("/") || path.includes("\\") || !URL.canParse(path, NOWHERE)) return START;
  const url = new URL(path, NOWHERE);
  const found = `${url.pathname}${url.search}`;
  // A path such as `/.//evil` becomes `//evil` only when it is normalised, so the result is judged, not the input.
  const leavesUs = url.origin !== NOWHERE || found.startsWith("//");
  return leavesUs || NEVER.some((pattern) => pattern.test(found)) ? START : found;
}
