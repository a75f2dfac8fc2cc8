"use client";

import { ErrorState } from "@/components/error-state";

export default function DashboardError({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <ErrorState
      title="This screen could not be shown"
      message="Something went wrong on our side. Opening it changed nothing."
      requestId={error.digest}
      onRetry={reset}
      className="py-24"
    />
  );
}
