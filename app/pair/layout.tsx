import type { ReactNode } from "react";

export default function PairLayout({ children }: { children: ReactNode }) {
  return <main className="grid min-h-dvh place-items-center bg-bg px-4 py-10">{children}</main>;
}
