/** Whether the sidebar is folded: written by the browser, read by the server for the first render. */
export const SIDEBAR_COOKIE = "tillgate-sidebar";
