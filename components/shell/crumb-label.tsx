"use client";

import { createContext, type ReactNode, useContext, useEffect, useState } from "react";

const SetCrumbContext = createContext<(label: string | null) => void>(() => undefined);
const CrumbContext = createContext<string | null>(null);

export function CrumbProvider({ children }: { children: ReactNode }) {
  const [label, setLabel] = useState<string | null>(null);
  return (
    <SetCrumbContext value={setLabel}>
      <CrumbContext value={label}>{children}</CrumbContext>
    </SetCrumbContext>
  );
}

export function useCrumbLabel(): string | null {
  return useContext(CrumbContext);
}

/** Names the record that is open, for the last word of the breadcrumb. */
export function CrumbLabel({ label }: { label: string }) {
  const setLabel = useContext(SetCrumbContext);
  useEffect(() => {
    setLabel(label);
    return () => setLabel(null);
  }, [label, setLabel]);
  return null;
}
