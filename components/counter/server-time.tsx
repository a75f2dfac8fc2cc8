"use client";

import { useEffect } from "react";
import { noteServerTime } from "@/components/hooks";

/** Tells this page what time it is at the server. */
export function ServerTime({ atMs }: { atMs: number }) {
  useEffect(() => noteServerTime(atMs), [atMs]);
  return null;
}
