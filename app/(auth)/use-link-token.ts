"use client";

import { useEffect, useState } from "react";

/**
 * The token behind `#` of the address: undefined until the page has looked, null when there is none. It leaves the
 * address bar and the history at once.
 */
export function useLinkToken(): string | null | undefined {
  const [token, setToken] = useState<string | null | undefined>(undefined);
  useEffect(() => {
    const found = window.location.hash.slice(1);
    setToken((known) => known ?? (found === "" ? null : found));
    if (found !== "") window.history.replaceState(window.history.state, "", window.location.pathname);
  }, []);
  return token;
}
