"use client";

import { useRouter } from "next/navigation";
import { ImportSteps } from "../_components/import-steps";

/** The steps on the import's own page, whose facts are read anew when it starts and ends. */
export function LiveSteps({ id }: { id: string }) {
  const router = useRouter();
  return <ImportSteps id={id} onChange={router.refresh} />;
}
